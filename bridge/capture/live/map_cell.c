// SPDX-License-Identifier: MIT
/* map_cell.c - a program that looks a key up and then does its one thing to the value. */
#include "capture/live/map_cell.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "capture/live/bpf_insns.h"
#include "capture/live/ledger.h"

/* Before the key and the data. */
struct found {
	uint64_t addr;  /* of the value; 0: the key is not there */
	int64_t result; /* of the helper that copied */
};

enum { OFF_ADDR = 0, OFF_RESULT = 8, OFF_KEY = sizeof(struct found) };

enum act { ACT_ADDRESS, ACT_READ, ACT_WRITE, ACT_OR };

static const struct {
	uint32_t type;
	bool is_percpu;
	enum bpf_prog_type prog; /* that may use it and can be run by hand */
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

static uint32_t data_at(const struct map_cell *c)
{
	return (OFF_KEY + c->key_size + 7) / 8 * 8;
}

/* r6: the value's address, written into the ledger; r7: the ledger. Ends here without the key. */
static void emit_look_up(struct ledger *l, const struct map_cell *c, bool is_percpu)
{
	EMIT(l, LOAD_MAP(1, c->map_fd), LOAD_VALUE(2, l->fd, OFF_KEY));
	if (is_percpu)
		EMIT(l, MOVE_NUMBER(3, c->cpu), CALL(BPF_FUNC_map_lookup_percpu_elem));
	else
		EMIT(l, CALL(BPF_FUNC_map_lookup_elem));
	EMIT(l, MOVE(6, 0), INSN(BPF_JMP | BPF_JNE | BPF_K, 6, 0, 2, 0), MOVE_NUMBER(0, 0), EXIT(),
	     LOAD_VALUE(7, l->fd, 0), STORE(7, OFF_ADDR, 6));
}

/* By the helper that never faults. */
static void emit_copy(struct ledger *l, uint32_t len, unsigned to, unsigned from)
{
	EMIT(l, MOVE(1, to), MOVE_NUMBER(2, len), MOVE(3, from), CALL(BPF_FUNC_probe_read_kernel),
	     LOAD_VALUE(7, l->fd, 0), STORE(7, OFF_RESULT, 0));
}

static void emit_act(struct ledger *l, const struct map_cell *c, enum act act)
{
	int width = width_code(c->len);

	if (act == ACT_ADDRESS)
		return;
	EMIT(l, ADD_NUMBER(6, c->offset), ADD_NUMBER(7, data_at(c)));
	if (act == ACT_OR)
		EMIT(l, LOAD_SIZED(width, 1, 7, 0), ATOMIC_OR(width, 6, 0, 1));
	else if (!is_one_access(c))
		act == ACT_READ ? emit_copy(l, c->len, 7, 6) : emit_copy(l, c->len, 6, 7);
	else if (act == ACT_READ)
		EMIT(l, LOAD_SIZED(width, 1, 6, 0), STORE_SIZED(width, 7, 0, 1));
	else
		EMIT(l, LOAD_SIZED(width, 1, 7, 0), STORE_SIZED(width, 6, 0, 1));
}

static int run(struct ledger *l, const struct map_cell *c, enum act act, struct ksnap_err *err)
{
	const struct found *found = (const struct found *)l->mapped;
	int type = find_type(c->map_type), ret;

	emit_look_up(l, c, types[type].is_percpu);
	emit_act(l, c, act);
	EMIT(l, MOVE_NUMBER(0, 0), EXIT());
	ret = ledger_run(l, types[type].prog, "at this value", err);
	if (ret)
		return ret;
	if (!found->addr)
		return err_set(err, KSNAP_E_NOTFOUND, "the map has no such key");
	if (found->result)
		return err_errno(err, KSNAP_E_TARGET, -found->result,
				 "the value's bytes cannot be copied");
	return 0;
}

static int act_on(const struct map_cell *c, enum act act, const void *from, void *to,
		  uint64_t *ret_addr, struct ksnap_err *err)
{
	_ledger_ struct ledger l;
	int ret = ledger_init(&l, data_at(c) + (act == ACT_ADDRESS ? 0 : c->len) + 8, err);

	if (ret)
		return ret;
	memcpy(l.mapped + OFF_KEY, c->key, c->key_size);
	if (from)
		memcpy(l.mapped + data_at(c), from, c->len);
	ret = run(&l, c, act, err);
	if (!ret && to)
		memcpy(to, l.mapped + data_at(c), c->len);
	if (!ret && ret_addr)
		*ret_addr = ((const struct found *)l.mapped)->addr;
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
