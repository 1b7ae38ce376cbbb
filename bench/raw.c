// SPDX-License-Identifier: MIT
/* raw.c - what clients of libzmq and msgpack do. */
#include "bench/raw.h"

#include <string.h>
#include <zmq.h>

#include "bench/bench.h"
#include "wire/envelope.h"
#include "wire/pack.h"
#include "wire/shapes.h"

void *raw_connect(void *context, int type, const char *url, const char *topic)
{
	void *s = zmq_socket(context, type);
	int linger = 0, patience = RAW_PATIENCE_MS;

	zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof(linger));
	zmq_setsockopt(s, ZMQ_SNDTIMEO, &patience, sizeof(patience));
	zmq_setsockopt(s, ZMQ_RCVTIMEO, &patience, sizeof(patience));
	if (topic)
		zmq_setsockopt(s, ZMQ_SUBSCRIBE, topic, strlen(topic));
	if (!zmq_connect(s, url))
		return s;
	bench_wrong("connect to %s: %s", url, zmq_strerror(zmq_errno()));
	zmq_close(s);
	return NULL;
}

/* Bytes that differ from place to place. */
static void fill(struct buf *b, size_t n)
{
	uint8_t *p = buf_reserve(b, n);

	for (size_t i = 0; p && i < n; i++)
		p[i] = i * 31 >> 3;
	if (p)
		buf_commit(b, n);
}

struct ksnap_blob *raw_report(size_t bytes)
{
	_buf_ struct buf b = BUF_INIT;
	msgpack_packer pk;
	size_t head, pad;

	pack_init(&pk, &b);
	msgpack_pack_map(&pk, 4);
	pack_str(&pk, "schema");
	pack_str(&pk, "ksnap.report/1");
	pack_str(&pk, "placeholder");
	msgpack_pack_false(&pk);
	pack_str(&pk, "complete");
	msgpack_pack_true(&pk);
	pack_str(&pk, "pad");
	head = bytes - b.len < 256 ? 2 : bytes - b.len < 65536 ? 3 : 5;
	pad = bytes - b.len - head;
	msgpack_pack_bin(&pk, pad);
	fill(&b, pad);
	if (buf_ok(&b) && b.len == bytes)
		return buf_take_blob(&b);
	bench_wrong("a report of %zu bytes, %zu wanted", b.len, bytes);
	return NULL;
}

int raw_store_encode(struct raw_store *s, const char *bridge, const char *tag, uint64_t id)
{
	struct wire_store_snapshot_params p = { .tag = wire_slice_of(tag) };
	struct wire_request rq = { .id = { .kind = WIRE_ID_UINT, .num = id },
				   .op = wire_slice_of("store_snapshot"),
				   .deadline_ms = RAW_PATIENCE_MS };

	if (bridge)
		rq.bridge = wire_slice_of(bridge);
	buf_clear(&s->params);
	buf_clear(&s->request);
	if (wire_encode(&wire_shape_store_snapshot_params, &p, &s->params))
		return bench_wrong("no memory");
	rq.params = (struct wire_slice){ (const char *)s->params.data, s->params.len };
	return request_encode(&rq, &s->request) ? bench_wrong("no memory") : 0;
}

void raw_store_fini(struct raw_store *s)
{
	buf_fini(&s->params);
	buf_fini(&s->request);
}
