// SPDX-License-Identifier: MIT
/* map_cell.c - make the program, run it once, take what it left in its mapped map. */
#include "capture/live/map_cell.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/live/bpf_insns.h"
#include "capture/live/privilege.h"

#define INSNS_MAX 48
#define LOG_BYTES 4096

/* Before the key and the data, in the map that both sides see. */
struct ledger {
	uint64_t addr;  /* of the value; 0: the key is not there */
	int64_t result; /* of the helper that copied */
};

enum { OFF_ADDR = 0, OFF_RESULT = 8, OFF_KEY = sizeof(struct ledger) };

enum act { ACT_ADDRESS, ACT_READ, ACT_WRITE, ACT_OR };

struct run {
	const struct map_cell *c;
	enum act act;
	int fd; /* of the ledger's map */
	uint8_t *mapped;
	uint32_t size, data_at; /* of the ledger; and of the data within */
	struct bpf_insn insns[INSNS_MAX];
	unsigned n;
};

static const struct {
	uint32_t type;
	bool is_percpu;
	uint32_t prog; /* a type of program that may use it and can be run by hand */
} types[] = {
	{ BPF_MAP_TYPE_ARRAY, false, BPF_PROG_TYPE_SYSCALL },
	{ BPF_MAP_TYPE_HASH, false, BPF_PROG_TYPE_SYSCALL },
	{ BPF_MAP_TYPE_LRU_HASH, false, BPF_PROG_TYPE_SYSCALL },
	{ BPF_MAP_TYPE_LPM_TRIE, false, BPF_PROG_TYPE_RAW_TRACEPOINT },
	{ BPF_MAP_TYPE_PERCPU_ARRAY, true, BPF_PROG_TYPE_SYSCALL },
	{ BPF_MAP_TYPE_PERCPU_HASH, true, BPF_PROG_TYPE_SYSCALL },
	{ BPF_MAP_TYPE_LRU_PERCPU_HASH, true, BPF_PROG_TYPE_SYSCALL },
};

static int find_type(uint32_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].type == type)
			return i;
	return -1;
}

bool map_cell_has(uint32_t map_type, bool *ret_percpu)
{
	int i = find_type(map_type);

	if (i >= 0)
		*ret_percpu = types[i].is_percpu;
	return i >= 0;
}

/* ---- the program ----------------------------------------------------------------------------- */

static void emit(struct run *r, const struct bpf_insn *insns, unsigned n)
{
	memcpy(r->insns + r->n, insns, n * sizeof(*insns));
	r->n += n;
}

#define EMIT(r, ...)                                           \
	do {                                                   \
		const struct bpf_insn all[] = { __VA_ARGS__ }; \
		emit(r, all, ARRAY_SIZE(all));                 \
	} while (0)

static int width_code(uint32_t len)
{
	switch (len) {
	case 1:
		return BPF_B;
	case 2:
		return BPF_H;
	case 4:
		return BPF_W;
	default:
		return BPF_DW;
	}
}

static bool is_one_access(const struct map_cell *c)
{
	return (c->len == 1 || c->len == 2 || c->len == 4 || c->len == 8) &&
	       c->offset % c->len == 0;
}

/* r6: the value's address, written into the ledger; r7: the ledger. Ends here without the key. */
static void emit_look_up(struct run *r, bool is_percpu)
{
	EMIT(r, LOAD_MAP(1, r->c->map_fd), LOAD_VALUE(2, r->fd, OFF_KEY));
	if (is_percpu)
		EMIT(r, MOVE_NUMBER(3, r->c->cpu), CALL(BPF_FUNC_map_lookup_percpu_elem));
	else
		EMIT(r, CALL(BPF_FUNC_map_lookup_elem));
	EMIT(r, MOVE(6, 0), INSN(BPF_JMP | BPF_JNE | BPF_K, 6, 0, 2, 0), MOVE_NUMBER(0, 0), EXIT(),
	     LOAD_VALUE(7, r->fd, 0), STORE(7, OFF_ADDR, 6));
}

/* Copy by the helper that never faults: from r6 to r7 or the other way. */
static void emit_copy(struct run *r, unsigned to, unsigned from)
{
	EMIT(r, MOVE(1, to), MOVE_NUMBER(2, r->c->len), MOVE(3, from),
	     CALL(BPF_FUNC_probe_read_kernel), LOAD_VALUE(7, r->fd, 0), STORE(7, OFF_RESULT, 0));
}

static void emit_act(struct run *r)
{
	int width = width_code(r->c->len);

	if (r->act == ACT_ADDRESS)
		return;
	EMIT(r, ADD_NUMBER(6, r->c->offset), ADD_NUMBER(7, r->data_at));
	if (r->act == ACT_OR)
		EMIT(r, LOAD_SIZED(width, 1, 7, 0), ATOMIC_OR(width, 6, 0, 1));
	else if (!is_one_access(r->c))
		r->act == ACT_READ ? emit_copy(r, 7, 6) : emit_copy(r, 6, 7);
	else if (r->act == ACT_READ)
		EMIT(r, LOAD_SIZED(width, 1, 6, 0), STORE_SIZED(width, 7, 0, 1));
	else
		EMIT(r, LOAD_SIZED(width, 1, 7, 0), STORE_SIZED(width, 6, 0, 1));
}

/* The line of the verifier's log that says why: the last but its statistics. */
static const char *why(char *log)
{
	char *found = log;

	for (char *line = log, *next; *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = 0;
		if (*line && strncmp(line, "processed ", 10))
			found = line;
	}
	return found;
}

static int refuse(int errnum, const char *log, struct ksnap_err *err)
{
	if (errnum == EPERM)
		return privilege_denied(err, "reach a map's value by a BPF program");
	return err_errno(err, KSNAP_E_TARGET, errnum,
			 "the kernel does not let a BPF program at this value%s%s",
			 *log ? ", it says: " : "", log);
}

static int load(struct run *r, struct ksnap_err *err)
{
	char log[LOG_BYTES] = "";
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_buf = log, .log_size = sizeof(log));
	int type = find_type(r->c->map_type), fd;

	emit_look_up(r, types[type].is_percpu);
	emit_act(r);
	EMIT(r, MOVE_NUMBER(0, 0), EXIT());
	if (types[type].prog == BPF_PROG_TYPE_SYSCALL)
		opts.prog_flags = BPF_F_SLEEPABLE;
	fd = bpf_prog_load(types[type].prog, "ksnap_cell", "GPL", r->insns, r->n, &opts);
	return fd < 0 ? refuse(errno, why(log), err) : fd;
}

/* ---- one run --------------------------------------------------------------------------------- */

static int open_ledger(struct run *r, struct ksnap_err *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	void *p;

	r->data_at = (OFF_KEY + r->c->key_size + 7) / 8 * 8;
	r->size = r->data_at + (r->act == ACT_ADDRESS ? 0 : r->c->len) + 8;
	r->fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "ksnap_cell", 4, r->size, 1, &opts);
	if (r->fd < 0)
		return privilege_or_target(err, errno, "make a map to reach another one's value");
	p = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (p == MAP_FAILED)
		return err_errno(err, KSNAP_E_TARGET, errno, "cannot map %u bytes", r->size);
	r->mapped = p;
	memcpy(r->mapped + OFF_KEY, r->c->key, r->c->key_size);
	return 0;
}

static void run_fini(struct run *r)
{
	if (r->mapped)
		munmap(r->mapped, r->size);
	cleanup_close(&r->fd);
}

#define _run_ __attribute__((cleanup(run_fini)))

static int run_once(struct run *r, struct ksnap_err *err)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct ledger *ledger = (struct ledger *)r->mapped;
	_close_ int prog = load(r, err);

	if (prog < 0)
		return prog;
	if (bpf_prog_test_run_opts(prog, &opts))
		return refuse(errno, "", err);
	if (!ledger->addr)
		return err_set(err, KSNAP_E_NOTFOUND, "the map has no such key");
	if (ledger->result)
		return err_errno(err, KSNAP_E_TARGET, -ledger->result,
				 "the value's bytes cannot be copied");
	return 0;
}

static int act_on(const struct map_cell *c, enum act act, const void *from, void *to,
		  uint64_t *ret_addr, struct ksnap_err *err)
{
	_run_ struct run r = { .c = c, .act = act, .fd = -1 };
	int ret = open_ledger(&r, err);

	if (!ret && from)
		memcpy(r.mapped + r.data_at, from, c->len);
	if (!ret)
		ret = run_once(&r, err);
	if (!ret && to)
		memcpy(to, r.mapped + r.data_at, c->len);
	if (!ret && ret_addr)
		*ret_addr = ((struct ledger *)r.mapped)->addr;
	return ret;
}

int map_cell_address(const struct map_cell *c, uint64_t *ret, struct ksnap_err *err)
{
	return act_on(c, ACT_ADDRESS, NULL, NULL, ret, err);
}

int map_cell_read(const struct map_cell *c, void *to, struct ksnap_err *err)
{
	return act_on(c, ACT_READ, NULL, to, NULL, err);
}

int map_cell_write(const struct map_cell *c, const void *from, struct ksnap_err *err)
{
	return act_on(c, ACT_WRITE, from, NULL, NULL, err);
}

int map_cell_or(const struct map_cell *c, uint64_t mask, uint32_t value_size, struct ksnap_err *err)
{
	struct map_cell wide = *c;

	if (c->len < 4) {
		wide.offset = c->offset / 4 * 4;
		wide.len = 4;
		mask <<= 8 * (c->offset - wide.offset);
	}
	if (wide.offset + wide.len > value_size)
		return err_set(err, KSNAP_E_UNSUPPORTED,
			       "bits of %u bytes at the end of a value of %u bytes cannot be set "
			       "atomically: write the whole",
			       c->len, value_size);
	return act_on(&wide, ACT_OR, &mask, NULL, NULL, err);
}
