// SPDX-License-Identifier: MIT
/* boxes.c - what was in a box, before libzmq has it. */
#include "cli/boxes.h"

#include <dlfcn.h>
#include <string.h>

#define PREFIX    16 /* of a nonce: what it is for */
#define PADDING   32 /* before what was within, where there is no _easy in the name */
#define MAC       16
#define VOUCH     128 /* the key and what vouches for it, before the properties of INITIATE */
#define FLAGS     1
#define NAME_SIZE 5 /* "\4PING" */
#define PING_SIZE 7 /* and two bytes of time to live */
#define SIZE_SIZE 4 /* of a value */

static const char identity[] = "Identity";

static bool is_for(const uint8_t *nonce, const char *prefix)
{
	return !memcmp(nonce, prefix, PREFIX);
}

static bool is_short_ping(const uint8_t *p, size_t n)
{
	return n >= FLAGS + NAME_SIZE && n < FLAGS + PING_SIZE &&
	       !memcmp(p + FLAGS, "\4PING", NAME_SIZE);
}

static size_t size_at(const uint8_t *p)
{
	return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

static bool is_identity(const uint8_t *name, size_t n)
{
	return n == sizeof(identity) - 1 && !memcmp(name, identity, n);
}

/* Properties, read as libzmq does: up to one that is cut short. */
static bool claims_an_id(const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t name = *p, head = 1 + name + SIZE_SIZE, value;

		if (n < head)
			return false;
		value = size_at(p + 1 + name);
		if (n - head < value)
			return false;
		if (is_identity(p + 1, name) && value && !p[head])
			return true;
		p += head + value;
		n -= head + value;
	}
	return false;
}

bool boxes_may_have(const uint8_t *nonce, const uint8_t *plain, size_t n)
{
	if (is_for(nonce, "CurveZMQMESSAGEC") || is_for(nonce, "CurveZMQMESSAGES"))
		return !is_short_ping(plain, n);
	if (is_for(nonce, "CurveZMQINITIATE"))
		return n < VOUCH || !claims_an_id(plain + VOUCH, n - VOUCH);
	return true;
}

/* ---- in the place of libsodium's ------------------------------------------------------------- */

typedef unsigned char byte;
typedef int open_fn(byte *m, const byte *c, unsigned long long n, const byte *nonce, const byte *pk,
		    const byte *sk);
typedef int open_afternm_fn(byte *m, const byte *c, unsigned long long n, const byte *nonce,
			    const byte *k);

static open_fn *real_open;
static open_afternm_fn *real_open_afternm, *real_open_easy_afternm;

__attribute__((constructor)) static void prepare(void)
{
	real_open = (open_fn *)dlsym(RTLD_NEXT, "crypto_box_open");
	real_open_afternm = (open_afternm_fn *)dlsym(RTLD_NEXT, "crypto_box_open_afternm");
	real_open_easy_afternm =
		(open_afternm_fn *)dlsym(RTLD_NEXT, "crypto_box_open_easy_afternm");
}

/* @n: of the box, with @before bytes that are not what was within. */
static int judge(const byte *nonce, const byte *plain, unsigned long long n, size_t before)
{
	return n >= before && boxes_may_have(nonce, plain, n - before) ? 0 : -1;
}

#define OVER_LIBSODIUM __attribute__((visibility("default")))

/* HELLO, WELCOME, INITIATE and what vouches. */
OVER_LIBSODIUM open_fn crypto_box_open;
int crypto_box_open(byte *m, const byte *c, unsigned long long n, const byte *nonce, const byte *pk,
		    const byte *sk)
{
	if (!real_open || real_open(m, c, n, nonce, pk, sk))
		return -1;
	return judge(nonce, m + PADDING, n, PADDING);
}

/* READY; MESSAGE of a libzmq whose libsodium was older than 1.0.12. */
OVER_LIBSODIUM open_afternm_fn crypto_box_open_afternm;
int crypto_box_open_afternm(byte *m, const byte *c, unsigned long long n, const byte *nonce,
			    const byte *k)
{
	if (!real_open_afternm || real_open_afternm(m, c, n, nonce, k))
		return -1;
	return judge(nonce, m + PADDING, n, PADDING);
}

/* MESSAGE. */
OVER_LIBSODIUM open_afternm_fn crypto_box_open_easy_afternm;
int crypto_box_open_easy_afternm(byte *m, const byte *c, unsigned long long n, const byte *nonce,
				 const byte *k)
{
	if (!real_open_easy_afternm || real_open_easy_afternm(m, c, n, nonce, k))
		return -1;
	return judge(nonce, m, n, MAC);
}
