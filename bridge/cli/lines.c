// SPDX-License-Identifier: MIT
/* lines.c - libedit around a terminal, getline around anything else.
 *
 * Characters are read here, so that a signal can end the wait for them: it writes to an eventfd. */
#include "cli/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "config.h"
#ifdef HAVE_LIBEDIT
#include <histedit.h>
#endif

#define HISTORY_LINES 1000
#define CTRL_D        4

struct lines {
	struct lines_opts opts;
	const char *prompt;
	char *line;
	size_t cap;
	bool interrupted;
#ifdef HAVE_LIBEDIT
	int keys;     /* the terminal, to read from */
	EditLine *el; /* NULL: no terminal */
	History *history;
#endif
};

static int interrupts = -1; /* eventfd, one for the process as its signals are */

void lines_interrupt(void)
{
	int saved = errno;

	if (interrupts >= 0)
		eventfd_write(interrupts, 1);
	errno = saved;
}

/* ---- a terminal
 * ---------------------------------------------------------------------------------- */

#ifdef HAVE_LIBEDIT
static struct lines *lines_of(EditLine *el)
{
	void *l = NULL;

	el_get(el, EL_CLIENTDATA, &l);
	return l;
}

static char *give_prompt(EditLine *el)
{
	return (char *)lines_of(el)->prompt;
}

/* The next byte: 1, or -EINTR after an interrupt, or 0 at the end. */
static int read_byte(const struct lines *l, char *ret)
{
	struct pollfd p[] = { { .fd = l->keys, .events = POLLIN },
			      { .fd = interrupts, .events = POLLIN } };
	eventfd_t n;

	for (;;) {
		ssize_t got;

		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return 0;
		if (eventfd_read(interrupts, &n) == 0)
			return -EINTR;
		got = read(l->keys, ret, 1);
		if (got >= 0 || (errno != EINTR && errno != EAGAIN))
			return got == 1;
	}
}

/* Bytes to a character, one after the other. */
static int read_wide(const struct lines *l, wchar_t *ret)
{
	mbstate_t state = { 0 };
	char byte;
	int r;

	while ((r = read_byte(l, &byte)) > 0) {
		size_t n;

		if (byte == '\0') // ^D, typed before the terminal was told to hand it on
			byte = CTRL_D;
		n = mbrtowc(ret, &byte, 1, &state);
		if (n == (size_t)-1) {
			*ret = L'?';
			return 1;
		}
		if (n != (size_t)-2)
			return 1;
	}
	return r;
}

/* The next character; an interrupt ends the line. */
static int read_char(EditLine *el, wchar_t *ret)
{
	struct lines *l = lines_of(el);
	int r = read_wide(l, ret);

	if (r != -EINTR)
		return r;
	l->interrupted = true;
	fputs("^C", stdout);
	*ret = L'\n';
	return 1;
}

/* Ctrl-C makes the terminal forget what was typed before: a byte that poll() saw may be gone when
 * it is read, and a read that waits would not see the interrupt. So the terminal is opened once
 * more, for reads that do not wait; others that have it open see nothing of that. */
static int open_keys(void)
{
	int fd = open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? STDIN_FILENO : fd;
}

static unsigned char complete(EditLine *el, int ch)
{
	struct lines *l = lines_of(el);
	const LineInfo *at = el_line(el);
	const char *add, *names;
	char text[1024];

	if (!l->opts.complete)
		return CC_ERROR;
	snprintf(text, sizeof(text), "%.*s", (int)(at->cursor - at->buffer), at->buffer);
	l->opts.complete(l->opts.arg, text, &add, &names);
	if (add[0]) {
		el_insertstr(el, add);
		return CC_REFRESH;
	}
	if (!names[0])
		return CC_ERROR;
	printf("\n%s\n", names);
	return CC_REDISPLAY;
}

static void open_history(struct lines *l)
{
	HistEvent ev;

	l->history = history_init();
	if (!l->history)
		return;
	history(l->history, &ev, H_SETSIZE, HISTORY_LINES);
	history(l->history, &ev, H_SETUNIQUE, 1);
	if (l->opts.history)
		history(l->history, &ev, H_LOAD, l->opts.history);
	el_set(l->el, EL_HIST, history, l->history);
}

static int open_terminal(struct lines *l, struct ksnap_err *err)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	l->el = el_init("ksnap", stdin, stdout, stderr);
	if (!l->el)
		return err_nomem(err);
	l->keys = open_keys();
	el_set(l->el, EL_CLIENTDATA, l);
	el_set(l->el, EL_PROMPT, give_prompt);
	el_set(l->el, EL_EDITOR, "emacs");
	el_set(l->el, EL_SIGNAL, 0);
	el_wset(l->el, EL_GETCFN, read_char);
	el_set(l->el, EL_ADDFN, "ksnap-complete", "complete a name", complete);
	el_set(l->el, EL_BIND, "^I", "ksnap-complete", NULL);
	el_set(l->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
	open_history(l);
	return 0;
}

static enum lines_end read_edited(struct lines *l, const char **ret_line)
{
	HistEvent ev;
	int n = 0;
	const char *line = el_gets(l->el, &n);

	if (l->interrupted)
		return LINES_INTERRUPTED;
	if (!line || n <= 0)
		return LINES_END;
	if (line[0] != '\n' && l->history)
		history(l->history, &ev, H_ENTER, line);
	free(l->line);
	l->line = strndup(line, strcspn(line, "\n"));
	*ret_line = l->line ? l->line : "";
	return LINES_LINE;
}

static void close_terminal(struct lines *l)
{
	HistEvent ev;

	if (l->history) {
		if (l->opts.history)
			history(l->history, &ev, H_SAVE, l->opts.history);
		history_end(l->history);
	}
	if (!l->el)
		return;
	el_end(l->el);
	if (l->keys != STDIN_FILENO)
		close(l->keys);
}
#endif

/* ---- anything else
 * ------------------------------------------------------------------------------- */

static enum lines_end read_plain(struct lines *l, const char **ret_line)
{
	ssize_t n;

	if (isatty(STDIN_FILENO)) {
		fputs(l->prompt, stdout);
		fflush(stdout);
	}
	n = getline(&l->line, &l->cap, stdin);
	if (n < 0 && errno == EINTR && !feof(stdin)) {
		clearerr(stdin);
		return LINES_INTERRUPTED;
	}
	if (n < 0)
		return LINES_END;
	l->line[strcspn(l->line, "\n")] = '\0';
	*ret_line = l->line;
	return LINES_LINE;
}

struct lines *lines_open(const struct lines_opts *opts, struct ksnap_err *err)
{
	struct lines *l = calloc(1, sizeof(*l));

	if (!l) {
		err_nomem(err);
		return NULL;
	}
	l->opts = *opts;
	interrupts = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
#ifdef HAVE_LIBEDIT
	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && open_terminal(l, err) < 0) {
		free(l);
		return NULL;
	}
#endif
	return l;
}

enum lines_end lines_read(struct lines *l, const char *prompt, const char **ret_line)
{
	eventfd_t n;

	l->prompt = prompt;
	l->interrupted = false;
	eventfd_read(interrupts, &n); // what ended the line before is no reason to end this one
#ifdef HAVE_LIBEDIT
	if (l->el)
		return read_edited(l, ret_line);
#endif
	return read_plain(l, ret_line);
}

void lines_close(struct lines *l)
{
	if (!l)
		return;
#ifdef HAVE_LIBEDIT
	close_terminal(l);
#endif
	cleanup_close(&interrupts);
	interrupts = -1;
	free(l->line);
	free(l);
}
