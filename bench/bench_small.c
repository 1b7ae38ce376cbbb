// SPDX-License-Identifier: MIT
/* bench_small.c - a small capture, embedded: from the op to the stored report and its answer.
 *
 * Two floors. The kernel's part: list program ids and map ids, and for each of the three maps
 * GET_FD_BY_ID, OBJ_GET_INFO_BY_FD, LOOKUP_BATCH, close. And the same done by the last of three
 * threads that hand the work on by eventfd, there and back, as broker and worker must. */
#include <bpf/bpf.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bench/kernel_maps.h"
#include "cli/embed.h"
#include "wire/pack.h"
#include "wire/shapes.h"

#define MAPS    3
#define ENTRIES 10

struct small {
	int fds[MAPS];
	uint32_t ids[MAPS];
	unsigned ops;
	struct embed *embed;
	struct ksnap_client *client;
	struct buf params;
	/* The second floor: client to broker, broker to worker, and back; readable: go on. */
	int to_broker, to_worker, from_worker, to_client;
	pthread_t broker, worker;
	atomic_bool stop; /* these two */
	double times[1024];
};

/* ---- the path ------------------------------------------------------------------------------- */

static int capture_once(struct small *s)
{
	KSNAP_OPTS(ksnap_call, call, .op = "capture_snapshot", .params = s->params.data,
		   .params_len = s->params.len);
	struct wire_arena arena = { 0 };
	struct wire_capture_snapshot_reply r = { 0 };
	struct ksnap_reply reply = { 0 };
	struct ksnap_err err = { 0 };
	int code = ksnap_client_call(s->client, &call, &reply, &err);

	if (!code)
		code = wire_decode(&wire_shape_capture_snapshot_reply, reply.r, reply.r_len,
				   WIRE_SKIP_UNKNOWN, &arena, &r, &err);
	ksnap_reply_clear(&reply);
	wire_arena_fini(&arena);
	if (code || r.maps != MAPS || !r.complete)
		return bench_wrong("%llu of %d maps captured: %s", (unsigned long long)r.maps, MAPS,
				   err.text);
	return 0;
}

/* ---- the floors ----------------------------------------------------------------------------- */

static int read_bare(uint32_t id)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	_close_ int fd = bpf_map_get_fd_by_id(id);
	struct kernel_entry vals[ENTRIES + 1];
	uint32_t keys[ENTRIES + 1], token[4], n = ENTRIES + 1;
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return bench_wrong("map %u: %s", id, strerror(errno));
	bpf_map_lookup_batch(fd, NULL, token, keys, vals, &n, &opts);
	return n == ENTRIES ? 0 : bench_wrong("%u entries of %d", n, ENTRIES);
}

static int read_kernel(struct small *s)
{
	uint32_t id = 0;
	int ret = 0;

	while (!bpf_prog_get_next_id(id, &id))
		;
	id = 0;
	while (!bpf_map_get_next_id(id, &id))
		;
	for (int i = 0; i < MAPS && !ret; i++)
		ret = read_bare(s->ids[i]);
	return ret;
}

static void hand_on(int fd)
{
	eventfd_write(fd, 1);
}

static void await(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	eventfd_t n;

	poll(&p, 1, -1);
	eventfd_read(fd, &n);
}

static void *be_broker(void *arg)
{
	struct small *s = arg;

	for (;;) {
		await(s->to_broker);
		hand_on(s->to_worker);
		if (s->stop)
			return NULL;
		await(s->from_worker);
		hand_on(s->to_client);
	}
}

static void *be_worker(void *arg)
{
	struct small *s = arg;

	for (;;) {
		await(s->to_worker);
		if (s->stop)
			return NULL;
		read_kernel(s);
		hand_on(s->from_worker);
	}
}

static int read_by_threads(struct small *s)
{
	hand_on(s->to_broker);
	await(s->to_client);
	return 0;
}

/* ---- rounds --------------------------------------------------------------------------------- */

static int run_ops(struct small *s, int (*once)(struct small *s), double *ret)
{
	for (unsigned i = 0; i < s->ops; i++) {
		uint64_t begin = bench_now();

		if (once(s))
			return -1;
		s->times[i] = (bench_now() - begin) / 1e3;
	}
	*ret = bench_quantile(s->times, s->ops, 0.5);
	return 0;
}

static int run_capture(void *arg, double *ret)
{
	return run_ops(arg, capture_once, ret);
}

static int run_kernel(void *arg, double *ret)
{
	return run_ops(arg, read_kernel, ret);
}

static int run_threads(void *arg, double *ret)
{
	return run_ops(arg, read_by_threads, ret);
}

/* ---- all ------------------------------------------------------------------------------------ */

static int make_params(struct small *s)
{
	struct wire_slice rules[MAPS];
	char text[MAPS][32];
	struct wire_capture_snapshot_params p = {
		.tag = wire_slice_of("t"),
		.maps = { rules, MAPS },
		.has_maps = true,
	};

	for (int i = 0; i < MAPS; i++) {
		snprintf(text[i], sizeof(text[i]), "bench_small_%d", i);
		s->fds[i] = kernel_map_make(text[i], ENTRIES, &s->ids[i]);
		if (s->fds[i] < 0)
			return -1;
		snprintf(text[i], sizeof(text[i]), "id:%u", s->ids[i]);
		rules[i] = wire_slice_of(text[i]);
	}
	return wire_encode(&wire_shape_capture_snapshot_params, &p, &s->params);
}

static int open_small(struct small *s)
{
	static const char *const targets[] = { "live", NULL };
	const struct embed_opts opts = { .targets = targets };
	struct ksnap_err err = { 0 };
	KSNAP_OPTS(ksnap_connect_opts, o, .name = "bench");

	if (make_params(s))
		return -1;
	s->embed = embed_create(&opts, &err);
	if (s->embed) {
		o.zmq_context = embed_context(s->embed);
		s->client = ksnap_client_connect(embed_endpoint(s->embed), &o, &err);
	}
	if (!s->client)
		return bench_wrong("no embedded broker: %s", err.text);
	s->to_broker = eventfd(0, EFD_CLOEXEC);
	s->to_worker = eventfd(0, EFD_CLOEXEC);
	s->from_worker = eventfd(0, EFD_CLOEXEC);
	s->to_client = eventfd(0, EFD_CLOEXEC);
	return pthread_create(&s->broker, NULL, be_broker, s) ||
	       pthread_create(&s->worker, NULL, be_worker, s);
}

static void close_small(struct small *s)
{
	s->stop = true;
	hand_on(s->to_broker); /* who hands it on to the worker: both see it */
	pthread_join(s->broker, NULL);
	pthread_join(s->worker, NULL);
	ksnap_client_destroy(s->client);
	embed_destroy(s->embed);
	buf_fini(&s->params);
	for (int i = 0; i < MAPS; i++)
		close(s->fds[i]);
}

int main(int argc, char **argv)
{
	struct bench *b = bench_begin(argc, argv, "bench_small");
	static struct small s;
	struct bench_case c = { .path = "small capture, embedded",
				.floor = "its BPF system calls",
				.unit = "us",
				.goal = 2,
				.run = run_capture,
				.run_floor = run_kernel,
				.arg = &s };

	if (!b)
		return 2;
	if (kernel_maps_try(b))
		return bench_end(b);
	s.ops = bench_is_quick(b) ? 20 : 500;
	if (open_small(&s))
		return 1;
	bench_params(b, "maps=%d entries=%d each, median of %u ops a round", MAPS, ENTRIES, s.ops);
	bench_run(b, &c);
	c.floor = "the same, handed on by 3 threads";
	c.run_floor = run_threads;
	bench_run(b, &c);
	close_small(&s);
	return bench_end(b);
}
