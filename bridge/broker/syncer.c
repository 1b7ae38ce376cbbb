// SPDX-License-Identifier: MIT
/* syncer.c - one thread, one lock, two places: wanted and done. */
#include "broker/syncer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/replace.h"

struct syncer {
	int folder;
	pthread_t thread;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t asked, changed;
	struct segment_at wanted, done;
	int errnum; /* of a failure nobody was told of yet */
	bool stop;
};

/* 0 or an errno value. A file that is gone had nothing left that lives. */
static int sync_file(int folder, uint64_t number)
{
	char name[SEGMENT_NAME_MAX];
	_close_ int fd = -1;

	segment_name(number, name);
	fd = openat(folder, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : errno;
	return fdatasync(fd) < 0 ? errno : 0;
}

/* Some file systems cannot sync a folder, and say so. */
static int sync_folder(int folder)
{
	if (fsync(folder) == 0 || errno == EINVAL || errno == ENOTSUP)
		return 0;
	return errno;
}

static int sync_files(const struct syncer *s, struct segment_at from, struct segment_at to)
{
	int errnum = 0;

	for (uint64_t n = from.segment; n <= to.segment && !errnum; n++)
		errnum = sync_file(s->folder, n);
	if (!errnum && from.segment < to.segment)
		errnum = sync_folder(s->folder);
	return errnum;
}

static void *run(void *arg)
{
	struct syncer *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		struct segment_at from = s->done, to = s->wanted;
		int errnum;

		if (!segment_before(from, to) || s->errnum) {
			if (s->stop)
				break;
			pthread_cond_wait(&s->asked, &s->lock);
			continue;
		}
		pthread_mutex_unlock(&s->lock);
		errnum = sync_files(s, from, to);
		pthread_mutex_lock(&s->lock);
		s->errnum = errnum;
		if (!errnum)
			s->done = to;
		pthread_cond_broadcast(&s->changed);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static int start(struct syncer *s)
{
	sigset_t all, before;
	int rc;

	/* Signals are for the thread that started the broker. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&s->thread, NULL, run, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

struct syncer *syncer_create(int folder, struct segment_at from, struct ksnap_err *err)
{
	struct syncer *s = calloc(1, sizeof(*s));
	int rc;

	if (!s) {
		err_nomem(err);
		return NULL;
	}
	s->folder = folder;
	s->wanted = s->done = from;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->asked, NULL);
	pthread_cond_init(&s->changed, NULL);
	rc = start(s);
	if (!rc)
		return s;
	err_errno(err, KSNAP_E_INTERNAL, rc, "cannot start the thread that syncs");
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->asked);
	pthread_cond_destroy(&s->changed);
	free(s);
	return NULL;
}

void syncer_destroy(struct syncer *s)
{
	int saved = errno;

	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->asked);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->asked);
	pthread_cond_destroy(&s->changed);
	free(s);
	errno = saved;
}

/* With the lock held. */
static void want(struct syncer *s, struct segment_at upto)
{
	if (segment_before(s->wanted, upto))
		s->wanted = upto;
	pthread_cond_signal(&s->asked);
}

void syncer_ask(struct syncer *s, struct segment_at upto)
{
	pthread_mutex_lock(&s->lock);
	want(s, upto);
	pthread_mutex_unlock(&s->lock);
}

void syncer_wait(struct syncer *s, struct segment_at upto)
{
	pthread_mutex_lock(&s->lock);
	want(s, upto);
	while (segment_before(s->done, upto) && !s->errnum)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

struct segment_at syncer_done(struct syncer *s)
{
	struct segment_at done;

	pthread_mutex_lock(&s->lock);
	done = s->done;
	pthread_mutex_unlock(&s->lock);
	return done;
}

int syncer_failed(struct syncer *s, struct ksnap_err *err)
{
	int errnum;

	pthread_mutex_lock(&s->lock);
	errnum = s->errnum;
	s->errnum = 0;
	s->done = errnum ? s->wanted : s->done;
	pthread_mutex_unlock(&s->lock);
	if (!errnum)
		return 0;
	return err_errno(err, file_error_code(errnum), errnum, "cannot sync the folder of --state");
}
