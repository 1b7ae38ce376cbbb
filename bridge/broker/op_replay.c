// SPDX-License-Identifier: MIT
/* op_replay.c - headers of a live channel again, and how many that were asked for are gone. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "broker/publish.h"
#include "broker/replays.h"
#include "broker/retained.h"
#include "wire/pack.h"

static int last_n(const char *s, uint64_t last, uint64_t *ret)
{
	char *end;
	unsigned long long n = strtoull(s, &end, 10);

	if (*s < '0' || *s > '9' || *end)
		return -1;
	*ret = n >= last ? 1 : last - n + 1;
	return 0;
}

static bool take_word(const msgpack_object_str *s, char *word, size_t cap)
{
	if (!s->size || s->size >= cap || memchr(s->ptr, 0, s->size))
		return false;
	memcpy(word, s->ptr, s->size);
	return true;
}

/* `from` is a number, "oldest" or "last:N"; the number of the first header wanted. */
static int wanted(const struct wire_slice *from, uint64_t first, uint64_t last, uint64_t *ret,
		  struct ksnap_err *err)
{
	msgpack_unpacked u;
	char word[32] = "";
	bool is_word = false;
	int rc = 0;

	msgpack_unpacked_init(&u);
	if (msgpack_unpack_next(&u, from->p, from->len, NULL) != MSGPACK_UNPACK_SUCCESS)
		rc = -1;
	else if (u.data.type == MSGPACK_OBJECT_POSITIVE_INTEGER)
		*ret = u.data.via.u64 ? u.data.via.u64 : 1;
	else if (u.data.type == MSGPACK_OBJECT_STR &&
		 take_word(&u.data.via.str, word, sizeof(word)))
		is_word = true;
	else
		rc = -1;
	msgpack_unpacked_destroy(&u);
	if (is_word && !strcmp(word, "oldest"))
		*ret = first ? first : 1;
	else if (is_word)
		rc = strncmp(word, "last:", 5) ? -1 : last_n(word + 5, last, ret);
	return rc ? err_set(err, KSNAP_E_ARG, "from: a sequence number, \"oldest\" or \"last:N\"")
		  : 0;
}

/* Holds what is there of @end's range; what is not is counted as lost. */
static struct retained_header *collect(const struct channel *c, struct wire_replay_reply *end,
				       size_t *ret_n)
{
	struct retained_header *headers = calloc(end->last - end->first + 1, sizeof(*headers));

	*ret_n = 0;
	for (uint64_t seq = end->first; headers && seq <= end->last; seq++) {
		if (channel_header(c, seq, &headers[*ret_n]))
			(*ret_n)++;
		else
			end->lost++;
	}
	return headers;
}

static int send_headers(struct request *rq, const struct channel *c, struct wire_replay_reply *end,
			struct ksnap_err *err)
{
	size_t n;
	struct retained_header *headers = collect(c, end, &n);
	int rc;

	if (!headers)
		return err_nomem(err);
	rc = replays_begin(rq->broker->replays, rq, headers, n, end, err);
	if (rc)
		replays_free_headers(headers, n);
	return rc;
}

static int run(struct request *rq, struct ksnap_err *err)
{
	const struct wire_replay_params *p = rq->params;
	struct channel *c = publisher_find(rq->broker->publisher, p->channel);
	struct wire_replay_reply end = { .has_first = true, .has_last = true, .has_lost = true };
	uint64_t first = 0, last = 0, from = 0;
	int rc;

	if (c)
		channel_range(c, &first, &last);
	rc = wanted(&p->from, first, last, &from, err);
	if (rc)
		return rc;
	end.last = last;
	end.first = from <= last ? from : last + 1;
	/* What is older than everything kept is gone without looking at each number. */
	if (from <= last && from < first) {
		end.lost = first - from;
		end.first = first;
	}
	if (end.first <= last)
		return send_headers(rq, c, &end, err);
	request_answer(rq, &end, NULL, 0);
	return 0;
}

const struct op op_replay = { .run = run };
