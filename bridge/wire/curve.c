// SPDX-License-Identifier: MIT
/* curve.c - keys of CURVE, their files, and sockets that use them. */
#include "wire/curve.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/error.h"

#define FILE_MAX 1024

int curve_make(struct curve_pair *ret, struct ksnap_err *err)
{
	if (!zmq_has("curve") || zmq_curve_keypair(ret->public_key, ret->secret_key))
		return err_set(err, KSNAP_E_UNSUPPORTED, "this libzmq is built without CURVE");
	return 0;
}

bool curve_is_key(const char *text, size_t len)
{
	char copy[CURVE_KEY + 1];
	uint8_t raw[32];

	if (len != CURVE_KEY || memchr(text, 0, len))
		return false;
	memcpy(copy, text, len);
	copy[len] = 0;
	return zmq_z85_decode(raw, copy) != NULL;
}

/* The key behind "@what " at the begin of a line. */
static int find_key(const char *text, const char *what, char ret[CURVE_KEY + 1])
{
	size_t len = strlen(what);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, what, len))
			continue;
		line += len;
		if (!curve_is_key(line, strcspn(line, "\n")))
			return KSNAP_E_ARG;
		memcpy(ret, line, CURVE_KEY);
		ret[CURVE_KEY] = 0;
		return 0;
	}
	return KSNAP_E_ARG;
}

static int read_text(const char *path, char text[FILE_MAX], struct ksnap_err *err)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st))
		return err_errno(err, errno == EACCES ? KSNAP_E_DENIED : KSNAP_E_ARG, errno,
				 "cannot read the key file %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, KSNAP_E_ARG, "the key file %s is no file", path);
	if (st.st_mode & 077)
		return err_set(
			err, KSNAP_E_DENIED,
			"others may use the key file %s (mode %04o): chmod 600 it, and make a "
			"new key if somebody has read it",
			path, st.st_mode & 07777);
	n = read(fd, text, FILE_MAX - 1);
	if (n < 0)
		return err_errno(err, KSNAP_E_ARG, errno, "cannot read the key file %s", path);
	text[n] = 0;
	return 0;
}

/* The public half is derived, so that no file can name one that does not fit. */
int curve_read(const char *path, struct curve_pair *ret, struct ksnap_err *err)
{
	char text[FILE_MAX];
	int rc = read_text(path, text, err);

	if (!rc && (find_key(text, "secret ", ret->secret_key) ||
		    zmq_curve_public(ret->public_key, ret->secret_key)))
		rc = err_set(err, KSNAP_E_ARG,
			     "%s holds no key: a line 'secret KEY' is missing (ksnap keygen "
			     "writes such files)",
			     path);
	explicit_bzero(text, sizeof(text));
	return rc;
}

static bool is_set(const char *s)
{
	return s && *s;
}

int curve_link_make(const char *server, const char *key, struct curve_link *ret,
		    struct ksnap_err *err)
{
	*ret = (struct curve_link){ 0 };
	if (!is_set(server) && !is_set(key))
		return 0;
	if (!is_set(server) || !is_set(key))
		return err_set(err, KSNAP_E_ARG,
			       "an encrypted connection needs both the broker's public key "
			       "(server key) and a key file of one's own");
	if (!curve_is_key(server, strlen(server)))
		return err_set(err, KSNAP_E_ARG,
			       "the server key is not one: a key has %d characters, this has %zu",
			       CURVE_KEY, strlen(server));
	memcpy(ret->server, server, CURVE_KEY);
	return curve_read(key, &ret->own, err);
}

void curve_pair_clear(struct curve_pair *pair)
{
	explicit_bzero(pair, sizeof(*pair));
}

static int refuse(struct ksnap_err *err)
{
	return err_errno(err, KSNAP_E_UNSUPPORTED, zmq_errno(), "CURVE cannot be used");
}

int curve_connects(void *socket, const struct curve_link *link, struct ksnap_err *err)
{
	if (!link || !link->server[0])
		return 0;
	if (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, link->server, CURVE_KEY) ||
	    zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, link->own.public_key, CURVE_KEY) ||
	    zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, link->own.secret_key, CURVE_KEY))
		return refuse(err);
	return 0;
}

int curve_serves(void *socket, const struct curve_pair *pair, const char *domain,
		 struct ksnap_err *err)
{
	int on = pair != NULL;

	if (zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &on, sizeof(on)) ||
	    zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain)))
		return refuse(err);
	if (on && zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, pair->secret_key, CURVE_KEY))
		return refuse(err);
	return 0;
}
