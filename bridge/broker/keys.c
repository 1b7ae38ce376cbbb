// SPDX-License-Identifier: MIT
/* keys.c - the file of authorised client keys, read whole and kept sorted by key. */
#include "broker/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "wire/shapes.h"

#define ROW_BYTES 512

struct keys {
	size_t n;
	struct key_row row[KEYS_MAX];
};

static const char *right_name(int right)
{
	return wire_right_name((enum wire_right)right);
}

static int add_role(struct key_row *row, const char *role, size_t len, struct ksnap_err *err)
{
	struct wire_slice word = { role, len };

	if (wire_slice_is(word, "worker")) {
		row->worker = true;
		return 0;
	}
	for (int r = RIGHT_OBSERVE; r <= RIGHT_ADMIN; r++) {
		if (!wire_slice_is(word, right_name(r)))
			continue;
		row->right = r > row->right ? r : row->right;
		return 0;
	}
	return err_set(err, KSNAP_E_ARG,
		       "no role is called '%.*s'; there are observe, capture, watch, write, admin "
		       "and worker",
		       (int)len, role);
}

static int read_roles(struct key_row *row, const char *roles, struct ksnap_err *err)
{
	int rc = 0;

	for (const char *p = roles; !rc; p++) {
		size_t len = strcspn(p, ",");

		rc = add_role(row, p, len, err);
		p += len;
		if (!*p)
			break;
	}
	return rc;
}

static int read_row(char *line, struct key_row *row, struct ksnap_err *err)
{
	static const char blanks[] = " \t\r\n";
	char *rest, *key = strtok_r(line, blanks, &rest), *roles = strtok_r(NULL, blanks, &rest),
		    *name = strtok_r(NULL, blanks, &rest);

	*row = (struct key_row){ .right = -1 };
	if (!key || !roles || !name || strtok_r(NULL, blanks, &rest))
		return err_set(err, KSNAP_E_ARG, "a line is KEY ROLE[,ROLE] NAME");
	if (!curve_is_key(key, strlen(key)))
		return err_set(err, KSNAP_E_ARG,
			       "it does not begin with a public key of %d characters", CURVE_KEY);
	if (ksnap_tag_check(name, strlen(name), err))
		return KSNAP_E_ARG;
	memcpy(row->key, key, CURVE_KEY);
	strcpy(row->name, name);
	return read_roles(row, roles, err);
}

static bool says_nothing(const char *line)
{
	return !line[strspn(line, " \t\r\n")] ||
	       (line[0] == '#' && (!line[1] || strchr(" \t\r\n", line[1])));
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct key_row *)a)->key, ((const struct key_row *)b)->key);
}

static int add_line(struct keys *k, char *line, struct ksnap_err *err)
{
	if (!strchr(line, '\n') && strlen(line) == ROW_BYTES - 1)
		return err_set(err, KSNAP_E_ARG, "it has more than %d bytes", ROW_BYTES - 2);
	if (says_nothing(line))
		return 0;
	if (k->n == KEYS_MAX)
		return err_set(err, KSNAP_E_ARG, "more than %d keys", KEYS_MAX);
	return read_row(line, &k->row[k->n++], err);
}

static int check_double(const struct keys *k, const char *path, struct ksnap_err *err)
{
	for (size_t i = 1; i < k->n; i++)
		if (!strcmp(k->row[i - 1].key, k->row[i].key))
			return err_set(err, KSNAP_E_ARG, "%s: the key of %s is there twice", path,
				       k->row[i].name);
	return 0;
}

static int read_file(struct keys *k, FILE *f, const char *path, struct ksnap_err *err)
{
	char line[ROW_BYTES];
	struct ksnap_err why;
	struct stat st;
	int rc = 0;

	if (fstat(fileno(f), &st) || !S_ISREG(st.st_mode))
		return err_set(err, KSNAP_E_ARG, "%s is no file", path);
	if (st.st_mode & 022)
		return err_set(err, KSNAP_E_DENIED,
			       "others may change %s (mode %04o): chmod go-w it", path,
			       st.st_mode & 07777);
	for (unsigned n = 1; !rc && fgets(line, sizeof(line), f); n++) {
		rc = add_line(k, line, &why);
		if (rc)
			err_set(err, rc, "%s:%u: %.400s", path, n, why.text);
	}
	if (!rc && ferror(f))
		rc = err_errno(err, KSNAP_E_ARG, errno, "reading %s", path);
	qsort(k->row, k->n, sizeof(k->row[0]), compare);
	return rc ? rc : check_double(k, path, err);
}

struct keys *keys_load(const char *path, struct ksnap_err *err)
{
	struct keys *k = calloc(1, sizeof(*k));
	FILE *f = k ? fopen(path, "re") : NULL;
	int rc;

	if (!f) {
		rc = k ? err_errno(err, KSNAP_E_ARG, errno, "cannot read %s", path)
		       : err_nomem(err);
	} else {
		rc = read_file(k, f, path, err);
		fclose(f);
	}
	if (!rc)
		return k;
	keys_free(k);
	return NULL;
}

void keys_free(struct keys *k)
{
	free(k);
}

const struct key_row *keys_find(const struct keys *k, const char *key)
{
	struct key_row wanted;

	if (!k || strlen(key) != CURVE_KEY)
		return NULL;
	memcpy(wanted.key, key, CURVE_KEY + 1);
	return bsearch(&wanted, k->row, k->n, sizeof(k->row[0]), compare);
}

size_t keys_count(const struct keys *k)
{
	return k->n;
}

bool keys_lost_rights(const struct keys *before, const struct keys *now)
{
	for (size_t i = 0; i < before->n; i++) {
		const struct key_row *row = keys_find(now, before->row[i].key);

		if (before->row[i].right >= 0 && (!row || row->right < 0))
			return true;
	}
	return false;
}
