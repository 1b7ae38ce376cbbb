// SPDX-License-Identifier: MIT
/* map_objects.c - maps that point to objects of the kernel: programs, maps, cgroups, perf events,
 * devices, CPUs. Their values are what names the object, or what was stored with it. */
#include <string.h>

#include "capture/outside/map_walk.h"

/* Fill @val, which has val_size zeroed bytes, for @object; false: it cannot be read. */
typedef bool (*name_fn)(struct map_walk *w, uint64_t object, uint8_t *val);

static void take_object(struct map_walk *w, uint32_t i, uint64_t object, name_fn name)
{
	uint8_t *key, *val;

	if (!walk_room(w, &key, &val))
		return;
	memcpy(key, &i, sizeof(i));
	memset(val, 0, w->val_size);
	if (name(w, object, val))
		walk_take(w);
	else
		w->missing++;
}

/* An array of pointers at @at; places without one are no entries. */
static void walk_pointers(struct map_walk *w, uint64_t at, name_fn name)
{
	uint64_t object;

	for (uint32_t i = 0; i < w->map->max_entries && w->end == WALK_DONE; i++) {
		if (!walk_u64(w, at + 8ull * i, &object))
			w->missing++;
		else if (object)
			take_object(w, i, object, name);
	}
}

static void walk_slots(struct map_walk *w, name_fn name)
{
	walk_pointers(w, w->map->at + w->k->at.bpf_array__ptrs.off, name);
}

/* The same where the map has only a pointer to the array. */
static void walk_apart(struct map_walk *w, struct layout_member m, name_fn name)
{
	uint64_t at;

	if (kernel_member(w->k, w->map->at, m, &at))
		walk_pointers(w, at, name);
	else
		walk_break(w, "its head cannot be read");
}

static bool take_number(struct map_walk *w, uint64_t at, struct layout_member m, uint8_t *to,
			size_t len)
{
	uint64_t v;

	if (!kernel_member(w->k, at, m, &v))
		return false;
	memcpy(to, &v, len);
	return true;
}

static bool name_map(struct map_walk *w, uint64_t map, uint8_t *val)
{
	return take_number(w, map, w->k->at.bpf_map__id, val, 4);
}

void slots_walk_maps(struct map_walk *w)
{
	walk_slots(w, name_map);
}

static bool name_prog(struct map_walk *w, uint64_t prog, uint8_t *val)
{
	uint64_t aux;

	return kernel_member(w->k, prog, w->k->at.bpf_prog__aux, &aux) &&
	       take_number(w, aux, w->k->at.bpf_prog_aux__id, val, 4);
}

void slots_walk_progs(struct map_walk *w)
{
	walk_slots(w, name_prog);
}

static bool name_cgroup(struct map_walk *w, uint64_t cgroup, uint8_t *val)
{
	uint64_t kn;

	return kernel_member(w->k, cgroup, w->k->at.cgroup__kn, &kn) &&
	       take_number(w, kn, w->k->at.kernfs_node__id, val, 8);
}

void slots_walk_cgroups(struct map_walk *w)
{
	walk_slots(w, name_cgroup);
}

static bool name_event(struct map_walk *w, uint64_t entry, uint8_t *val)
{
	const struct layout *at = &w->k->at;
	uint64_t event, attr;

	if (!kernel_member(w->k, entry, at->bpf_event_entry__event, &event))
		return false;
	attr = event + at->perf_event__attr.off;
	return take_number(w, attr, at->perf_event_attr__config, val, 8) &&
	       take_number(w, attr, at->perf_event_attr__type, val + 8, 4) &&
	       take_number(w, event, at->perf_event__cpu, val + 12, 4);
}

void slots_walk_events(struct map_walk *w)
{
	walk_slots(w, name_event);
}

/* ---- devices and CPUs ------------------------------------------------------------------------ */

static bool copy_stored(struct map_walk *w, uint64_t object, struct layout_member m, uint8_t *val)
{
	return m.size >= w->val_size && walk_read(w, object + m.off, val, w->val_size);
}

static bool name_device(struct map_walk *w, uint64_t object, uint8_t *val)
{
	return copy_stored(w, object, w->k->at.bpf_dtab_netdev__val, val);
}

void devices_walk(struct map_walk *w)
{
	walk_apart(w, w->k->at.bpf_dtab__netdev_map, name_device);
}

static bool name_cpu(struct map_walk *w, uint64_t object, uint8_t *val)
{
	return copy_stored(w, object, w->k->at.bpf_cpu_map_entry__value, val);
}

void cpus_walk(struct map_walk *w)
{
	walk_apart(w, w->k->at.bpf_cpu_map__cpu_map, name_cpu);
}

/* ---- sockets ----------------------------------------------------------------------------------
 */

bool socket_name(struct map_walk *w, uint64_t sock, uint8_t *val)
{
	const struct layout *at = &w->k->at;

	return take_number(w, sock + at->sock____sk_common.off, at->sock_common__skc_cookie, val,
			   8);
}

void sockets_walk(struct map_walk *w)
{
	walk_apart(w, w->k->at.bpf_stab__sks, socket_name);
}

/* Pointers within the map itself. */
static void walk_within(struct map_walk *w, struct layout_member m, name_fn name)
{
	if (m.size)
		walk_pointers(w, w->map->at + m.off, name);
	else
		walk_break(w, "the kernel's types do not tell where its entries are");
}

void reuseport_walk(struct map_walk *w)
{
	walk_within(w, w->k->at.reuseport_array__ptrs, socket_name);
}

static bool name_xdp_socket(struct map_walk *w, uint64_t xs, uint8_t *val)
{
	const struct layout *at = &w->k->at;

	return socket_name(w, xs + at->xdp_sock__sk.off, val) &&
	       take_number(w, xs, at->xdp_sock__queue_id, val + 8, 4);
}

void xdp_sockets_walk(struct map_walk *w)
{
	walk_within(w, w->k->at.xsk_map__xsk_map, name_xdp_socket);
}

void device_take(struct map_walk *w, uint64_t object)
{
	uint64_t i;

	if (kernel_member(w->k, object, w->k->at.bpf_dtab_netdev__idx, &i))
		take_object(w, i, object, name_device);
	else
		w->missing++;
}
