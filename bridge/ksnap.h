/* SPDX-License-Identifier: MIT */
/* ksnap.h - the public C interface of libksnap.
 *
 * Three parts that can be used apart:
 *   ksnap_bridge_*    host a snapshot bridge in your own process (no sockets involved)
 *   ksnap_client_*    talk to a broker: ops with deadlines, the live bus without holes
 *   ksnap_snapshot_*  read a report: maps, variables, paths, typed values
 *
 * Rules that hold everywhere:
 *   - A function that can fail returns 0 (or a count) or a negative KSNAP_E_* code, or a pointer
 *     or NULL. The last parameter, when it is a struct ksnap_err *, may be NULL; when it is not,
 *     it holds code and text after a failure and is untouched after a success.
 *   - Results are written only on success.
 *   - Destroy, unref and free functions accept NULL and preserve errno.
 *   - Strings are UTF-8 and NUL-terminated unless a length stands beside them.
 *   - Times: `ts` is CLOCK_REALTIME, `mono` is CLOCK_MONOTONIC, both in nanoseconds.
 *   - Structs named *_opts are made with KSNAP_OPTS() and may grow at their end.
 */
#ifndef KSNAP_H
#define KSNAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The names below are what libksnap shows, whatever -fvisibility it is built with. */
#pragma GCC visibility push(default)

#define KSNAP_API_LEVEL 1 /* rises when something is added; nothing is ever changed or removed */
#define KSNAP_PROTOCOL  1 /* the `v` of every envelope */

/* Version of the library as "major.minor.patch". */
const char *ksnap_version(void);

/* ---- errors ---------------------------------------------------------------------------- */

/* Values equal the negated numbers in schemas/errors.lua; a test compares the two. */
enum ksnap_error {
	KSNAP_OK = 0,
	KSNAP_E_PROTO = -101,
	KSNAP_E_OP = -102,
	KSNAP_E_ARG = -103,
	KSNAP_E_LIMIT = -201,
	KSNAP_E_BUSY = -202,
	KSNAP_E_NOTFOUND = -203,
	KSNAP_E_DENIED = -204,
	KSNAP_E_STATE = -205,
	KSNAP_E_UNSUPPORTED = -301,
	KSNAP_E_TARGET = -302,
	KSNAP_E_TIMEOUT = -303,
	KSNAP_E_WORKER_LOST = -304,
	KSNAP_E_UNREACHABLE = -305,
	KSNAP_E_NOMEM = -306,
	KSNAP_E_INTERNAL = -901,
};

#define KSNAP_ERR_TEXT 512

struct ksnap_err {
	int code;                  /* a KSNAP_E_* value, 0 when nothing failed */
	char text[KSNAP_ERR_TEXT]; /* for people; cut at the end when longer */
};

/* "E_LIMIT" for KSNAP_E_LIMIT; "E_INTERNAL" for a number that is no code. */
const char *ksnap_err_name(int code);
/* The class column of schemas/errors.lua, such as "limit". */
const char *ksnap_err_class(int code);
/* Whether the same request may succeed when it is simply sent again. */
bool ksnap_err_retry(int code);
/* The code with this name, or KSNAP_E_INTERNAL when there is none. */
int ksnap_err_code(const char *name);

/* ---- growing options ------------------------------------------------------------------- */

/* KSNAP_OPTS(ksnap_connect_opts, o, .timeout_ms = 500); declares `o` with its size filled in. */
#define KSNAP_OPTS(type, name, ...) \
	struct type name = { .size = sizeof(struct type), ##__VA_ARGS__ }

/* ---- blobs: immutable, reference-counted bytes ------------------------------------------- */

struct ksnap_blob;

/* Copies @len bytes. NULL when memory is out. */
struct ksnap_blob *ksnap_blob_copy(const void *data, size_t len);
/* Takes over @data; @release(@data, @arg) is called, from any thread, when the last reference
 * goes. NULL when memory is out; @data is then still the caller's. */
struct ksnap_blob *ksnap_blob_wrap(void *data, size_t len, void (*release)(void *data, void *arg),
				   void *arg);
/* One more reference; returns @blob. Thread-safe, as is unref. */
struct ksnap_blob *ksnap_blob_ref(struct ksnap_blob *blob);
void ksnap_blob_unref(struct ksnap_blob *blob);
const void *ksnap_blob_data(const struct ksnap_blob *blob);
size_t ksnap_blob_size(const struct ksnap_blob *blob);

/* ---- bridge: snapshots, events, watches, logs -------------------------------------------- */

#define KSNAP_TAG_MAX 64 /* bytes of a tag, a bridge's name */

struct ksnap_bridge;

/* 0 in a field means the default of schemas/limits.lua. */
struct ksnap_limits {
	uint64_t snapshots; /* MAX_STORED_SNAPSHOTS, default 64 */
	uint64_t bytes;     /* MAX_STORED_BYTES, of reports and their stats, default 256 MiB */
	uint64_t events;    /* MAX_STORED_EVENTS, default 1024 */
	uint64_t watches;   /* MAX_WATCH_SNAPSHOTS, default 3 */
};

enum ksnap_event_kind {
	KSNAP_EV_CAPTURE_UNAVAILABLE = 101,
	KSNAP_EV_OVERWRITE = 102,
	KSNAP_EV_EVICTION = 103,
	KSNAP_EV_DRAIN_ORDERING_INVARIANT_VIOLATION = 104,
	KSNAP_EV_CAP_INVARIANT_VIOLATION = 105,
	KSNAP_EV_EVENT_LOG_TRUNCATED = 106,
	KSNAP_EV_REPORT_REFUSED = 107,
	KSNAP_EV_LOG_TRUNCATED = 108,
	KSNAP_EV_PERIODIC_ABANDONED = 109,
	KSNAP_EV_WATCH_ARMED = 201,
	KSNAP_EV_WATCH_THROTTLED = 202,
	KSNAP_EV_WATCH_DISARMED = 203,
	KSNAP_EV_SESSION_LOST = 301,
	KSNAP_EV_WORKER_LOST = 302,
	KSNAP_EV_STATE_BEHIND = 303,
	KSNAP_EV_STATE_CAUGHT_UP = 304,
	KSNAP_EV_STATE_CUT = 305,
};

#define KSNAP_EVENT_FIELDS 4

/* One fact about a bridge. Fields and their order are those of schemas/event/<kind>.lua. */
struct ksnap_event {
	uint64_t seq;  /* from 1 on each bridge; 0 for the synthetic truncation mark */
	int64_t ts;    /* CLOCK_REALTIME, ns */
	uint64_t mono; /* CLOCK_MONOTONIC, ns */
	enum ksnap_event_kind kind;
	unsigned nfields;
	struct ksnap_event_field {
		const char *name; /* static */
		const char *str;  /* owned by the event; NULL when the field is a number */
		uint64_t num;
	} fields[KSNAP_EVENT_FIELDS];
};

/* "eviction" for KSNAP_EV_EVICTION; NULL for a number that is no kind. */
const char *ksnap_event_name(enum ksnap_event_kind kind);

/* Why a snapshot has no scheduler statistics beside it. */
enum ksnap_stats_reason {
	KSNAP_STATS_PRESENT = 0,
	KSNAP_STATS_NO_CLIENT,     /* nobody was asked */
	KSNAP_STATS_DURING_FREEZE, /* the scheduler could not answer while frozen */
	KSNAP_STATS_CANCELLED,
	KSNAP_STATS_SCHED_ERROR, /* it answered with an error */
	KSNAP_STATS_NO_RESPONSE,
	KSNAP_STATS_TOO_LARGE,
};

/* What a caller stores. Absent means absent: an overwrite clears what the old one had. */
struct ksnap_store_args {
	size_t size;
	const char *tag;
	struct ksnap_blob *report; /* the bridge takes its own reference */
	bool placeholder, complete;
	const char *schema; /* of the report, at most 63 bytes; "ksnap.report/1" when NULL */
	bool has_step, has_elapsed_ms, has_boundary_ms;
	uint16_t step;
	uint64_t elapsed_ms, boundary_ms;
	struct ksnap_blob *stats; /* msgpack, or NULL with a reason */
	enum ksnap_stats_reason
		stats_reason; /* used when stats is NULL; PRESENT then reads NO_CLIENT */
};

/* A stored snapshot as given out. Holds its own references. */
struct ksnap_entry {
	uint64_t seq; /* insertion number on this bridge, from 1; an overwrite gets a new one */
	int64_t ts;   /* when it was stored */
	struct ksnap_blob *report;
	struct ksnap_blob *stats; /* NULL: see the reason */
	enum ksnap_stats_reason stats_reason;
	bool placeholder, complete;
	bool has_step, has_elapsed_ms, has_boundary_ms;
	uint16_t step;
	uint64_t elapsed_ms, boundary_ms;
	char tag[KSNAP_TAG_MAX + 1];
	char schema[64];
};

/* A kernel read or write; both halves are opaque msgpack to the bridge. */
struct ksnap_kernel_op {
	char tag[KSNAP_TAG_MAX + 1];
	struct ksnap_blob *request;
	bool success;
	bool has_value;              /* the reply carries a first value */
	struct ksnap_blob *reply;    /* values, or NULL */
	char reason[KSNAP_ERR_TEXT]; /* when it failed */
};

/* One cgroup.procs record. */
struct ksnap_procs {
	char tag[KSNAP_TAG_MAX + 1];
	char *cgroup;
	uint32_t *pids;
	size_t npids;
};

/* Capture now. Return a report (the reference passes to the bridge) with *complete and
 * *placeholder set, or NULL with *err: the bridge raises capture_unavailable. May block. */
typedef struct ksnap_blob *(*ksnap_capture_fn)(void *arg, const char *tag, bool *complete,
					       bool *placeholder, struct ksnap_err *err);
/* Resolve, check, arm. 0, or a negative code with the reason in *err, handed on word for word. */
typedef int (*ksnap_watch_fn)(void *arg, const char *symbol, struct ksnap_err *err);
/* Release what ksnap_watch_fn armed. */
typedef void (*ksnap_unwatch_fn)(void *arg, const char *symbol);
/* Read or write; fills @op->success, has_value, reply (reference passes to the bridge), reason. */
typedef void (*ksnap_kernel_fn)(void *arg, struct ksnap_kernel_op *op);
/* Called for each event as it is raised, in order, with the bridge locked: do not call back. */
typedef void (*ksnap_event_fn)(void *arg, const struct ksnap_event *event);

struct ksnap_bridge_opts {
	size_t size;
	const char *name; /* "default" when NULL */
	struct ksnap_limits limits;
	ksnap_capture_fn capture; /* NULL: ksnap_bridge_capture fails with E_UNSUPPORTED */
	ksnap_watch_fn watch;
	ksnap_unwatch_fn unwatch;
	ksnap_kernel_fn kernel;
	ksnap_event_fn event;
	void *arg;            /* first argument of every callback */
	bool single_threaded; /* the caller promises to use it from one thread: no locking */
};

/* All bridge calls are thread-safe. Callbacks run on the calling thread, without the lock (but
 * for the event callback). */
struct ksnap_bridge *ksnap_bridge_create(const struct ksnap_bridge_opts *opts,
					 struct ksnap_err *err);
struct ksnap_bridge *ksnap_bridge_ref(struct ksnap_bridge *b);
void ksnap_bridge_unref(struct ksnap_bridge *b);
const char *ksnap_bridge_name(const struct ksnap_bridge *b);
/* The limits in force, defaults filled in. */
void ksnap_bridge_limits(const struct ksnap_bridge *b, struct ksnap_limits *ret);

/* 0 when @tag is 1 to 64 bytes of UTF-8 without control characters, else E_ARG with the rule. */
int ksnap_tag_check(const char *tag, size_t len, struct ksnap_err *err);

/* Capture by the callback and store under @tag. 1: stored; 0: the callback gave no report, an
 * event says so, nothing changed; negative: bad tag, no callback, report refused. */
int ksnap_bridge_capture(struct ksnap_bridge *b, const char *tag, uint16_t step,
			 struct ksnap_err *err);
/* Store a report that was captured elsewhere. E_ARG: bad tag. E_LIMIT: the report, with its stats,
 * is alone above MAX_STORED_BYTES; event report_refused, nothing else changed. *ret_seq may be
 * NULL. */
int ksnap_bridge_store(struct ksnap_bridge *b, const struct ksnap_store_args *args,
		       uint64_t *ret_seq, struct ksnap_err *err);
/* Note that a capture elsewhere gave no report: event capture_unavailable. @reason may be NULL. */
int ksnap_bridge_capture_failed(struct ksnap_bridge *b, const char *tag, const char *reason);

bool ksnap_bridge_has(struct ksnap_bridge *b, const char *tag);
size_t ksnap_bridge_len(struct ksnap_bridge *b);
bool ksnap_bridge_is_empty(struct ksnap_bridge *b);
/* Tags of exactly the form periodic_NNN whose report is not a placeholder. */
size_t ksnap_bridge_periodic_real_count(struct ksnap_bridge *b);
/* E_NOTFOUND when there is none; the text names up to three tags that are there. */
int ksnap_bridge_get(struct ksnap_bridge *b, const char *tag, struct ksnap_entry *ret,
		     struct ksnap_err *err);
/* All entries in FIFO order, still stored. Free with ksnap_entries_free. */
int ksnap_bridge_list(struct ksnap_bridge *b, struct ksnap_entry **ret, size_t *ret_n,
		      struct ksnap_err *err);
/* Take everything and leave the store empty; FIFO order, then any entry found outside the order.
 * On failure (E_NOMEM) nothing is taken. */
int ksnap_bridge_drain_ordered(struct ksnap_bridge *b, struct ksnap_entry **ret, size_t *ret_n,
			       struct ksnap_err *err);
/* The same entries; the name says that the caller relies on stats or the reason there are none. */
int ksnap_bridge_drain_ordered_with_stats(struct ksnap_bridge *b, struct ksnap_entry **ret,
					  size_t *ret_n, struct ksnap_err *err);
/* The same for callers to whom the order means nothing. */
int ksnap_bridge_drain(struct ksnap_bridge *b, struct ksnap_entry **ret, size_t *ret_n,
		       struct ksnap_err *err);
void ksnap_entry_clear(struct ksnap_entry *e);
void ksnap_entries_free(struct ksnap_entry *entries, size_t n);

/* Take all events in order; the truncation mark, if any was dropped, is the last. On failure
 * (E_NOMEM) nothing is taken. Free with ksnap_events_free. */
int ksnap_bridge_drain_events(struct ksnap_bridge *b, struct ksnap_event **ret, size_t *ret_n,
			      struct ksnap_err *err);
void ksnap_events_free(struct ksnap_event *events, size_t n);
/* Events kept, without the mark. */
size_t ksnap_bridge_event_count(struct ksnap_bridge *b);

/* Reserve a slot, call the watch callback, keep or give back the slot. *ret_id names the watch,
 * is never reused. E_LIMIT when all slots are taken: the text names the holders. */
int ksnap_bridge_watch(struct ksnap_bridge *b, const char *symbol, uint64_t *ret_id,
		       struct ksnap_err *err);
int ksnap_bridge_unwatch(struct ksnap_bridge *b, uint64_t id, const char *reason,
			 struct ksnap_err *err);
size_t ksnap_bridge_watch_count(struct ksnap_bridge *b);

/* Run one kernel op by the callback and log it; @tag may be NULL or "", a write names none. 0 when
 * it succeeded, E_TARGET with its reason. */
int ksnap_bridge_kernel_op(struct ksnap_bridge *b, const char *tag, struct ksnap_blob *request,
			   struct ksnap_err *err);
int ksnap_bridge_drain_kernel_ops(struct ksnap_bridge *b, struct ksnap_kernel_op **ret,
				  size_t *ret_n, struct ksnap_err *err);
void ksnap_kernel_ops_free(struct ksnap_kernel_op *ops, size_t n);
/* Reply of the first successful op under @tag that has a value; a new reference. NULL: none. */
struct ksnap_blob *ksnap_bridge_kernel_op_value(struct ksnap_bridge *b, const char *tag);

/* Append a record; tags need not be unique. Copies everything. */
int ksnap_bridge_record_procs(struct ksnap_bridge *b, const char *tag, const char *cgroup,
			      const uint32_t *pids, size_t npids, struct ksnap_err *err);
int ksnap_bridge_drain_procs(struct ksnap_bridge *b, struct ksnap_procs **ret, size_t *ret_n,
			     struct ksnap_err *err);
/* A copy of the first record under @tag, not drained. E_NOTFOUND: none. */
int ksnap_bridge_procs_by_tag(struct ksnap_bridge *b, const char *tag, struct ksnap_procs *ret,
			      struct ksnap_err *err);
void ksnap_procs_clear(struct ksnap_procs *p);
void ksnap_procs_free(struct ksnap_procs *procs, size_t n);

/* Books. accepted = stored + evicted + overwritten + drained, always. */
struct ksnap_bridge_stats {
	uint64_t accepted, evicted, overwritten, drained, refused, unavailable;
	uint64_t stored, bytes;                              /* now */
	uint64_t events_raised, events_kept, events_dropped; /* dropped: since creation */
	uint64_t watches;                                    /* slots held now */
	uint64_t kernel_ops_dropped, procs_dropped;          /* since creation */
};
void ksnap_bridge_stats(struct ksnap_bridge *b, struct ksnap_bridge_stats *ret);

/* ---- the active bridge of a thread ------------------------------------------------------- */

struct ksnap_guard {
	struct ksnap_bridge *prior; /* restored by leave; holds a reference */
	struct ksnap_bridge *self;  /* holds a reference; NULL once left */
	uint64_t serial;            /* of this guard, unlike any other of the process */
	unsigned depth;             /* guards open on its thread, with this one */
};

/* Make @b the calling thread's active bridge until ksnap_bridge_leave(). Guards nest. */
struct ksnap_guard ksnap_bridge_enter(struct ksnap_bridge *b);
/* Restores what was active before. Leaving twice is harmless. Leaving a guard with others open
 * inside it closes those too; they only give back their references when left later. */
void ksnap_bridge_leave(struct ksnap_guard *guard);
/* Call @fn with the active bridge and return 0 with its result in *ret (may be NULL); E_STATE,
 * without calling it, when there is none. */
int ksnap_with_active_bridge(int (*fn)(struct ksnap_bridge *b, void *arg), void *arg, int *ret);

/* ---- accessor: symbols and types of a target take time ----------------------------------- */

enum ksnap_accessor_state {
	KSNAP_ACCESSOR_TRYING = 0,
	KSNAP_ACCESSOR_SUCCEEDED = 1,
	KSNAP_ACCESSOR_FAILED = 2, /* for good */
};

struct ksnap_accessor;

struct ksnap_accessor *ksnap_accessor_create(struct ksnap_err *err);
void ksnap_accessor_destroy(struct ksnap_accessor *a);
/* A (re)initialisation begins. Not after FAILED. */
void ksnap_accessor_trying(struct ksnap_accessor *a);
/* It worked: seqno rises by one, waiters wake. */
void ksnap_accessor_publish(struct ksnap_accessor *a);
/* It failed. The first one is permanent; a later one keeps the old accessor and its seqno. */
void ksnap_accessor_fail(struct ksnap_accessor *a);
enum ksnap_accessor_state ksnap_accessor_get(struct ksnap_accessor *a, uint64_t *ret_seqno);
/* Block until the state is not TRYING. 0 with *ret_seqno; E_TIMEOUT: still trying, a longer
 * deadline may help; E_STATE: failed for good, a retry will not. @a may be NULL: 0 at once. */
int ksnap_accessor_wait(struct ksnap_accessor *a, unsigned timeout_ms, uint64_t *ret_seqno,
			struct ksnap_err *err);
/* Block until seqno > @after; errors as above. */
int ksnap_accessor_wait_advance(struct ksnap_accessor *a, uint64_t after, unsigned timeout_ms,
				uint64_t *ret_seqno, struct ksnap_err *err);

/* ---- client ------------------------------------------------------------------------------ */

struct ksnap_client;

struct ksnap_connect_opts {
	size_t size;
	const char *name;    /* shown to operators; the program's name when NULL */
	const char *kind;    /* "executor" (default), "monitor" or "tool" */
	const char *bridge;  /* bridge of calls that name none; "default" when NULL */
	unsigned timeout_ms; /* for the hello; 5000 when 0 */
	void *zmq_context;   /* share one, needed for inproc://; its owner keeps it alive */
	/* For tcp:// endpoints that are encrypted: the broker's public key, and the file of one's
	 * own (ksnap keygen). The values of KSNAP_SERVER_KEY and KSNAP_KEY when NULL. */
	const char *server_key, *key_file;
};

/* Connect and say hello. E_DENIED when the broker refuses the key, at once. E_UNREACHABLE when
 * nobody answers within the time-out, at once when nobody listens on an ipc endpoint. @url NULL:
 * the value of KSNAP_ENDPOINT, else the default socket. A client is used by one thread at a time.
 */
struct ksnap_client *ksnap_client_connect(const char *url, const struct ksnap_connect_opts *opts,
					  struct ksnap_err *err);
/* Says bye and disconnects. */
void ksnap_client_destroy(struct ksnap_client *c);
uint64_t ksnap_client_epoch(const struct ksnap_client *c);
/* The endpoint in use, and the broker's live endpoint: the first over the same transport, else the
 * first; "" when it told none. */
const char *ksnap_client_endpoint(const struct ksnap_client *c);
const char *ksnap_client_live_endpoint(const struct ksnap_client *c);

struct ksnap_call {
	size_t size;
	const char *op;
	const char *bridge; /* the client's when NULL */
	const void *params; /* one msgpack map, or NULL */
	size_t params_len;
	struct ksnap_blob *blobs[4]; /* sent behind the envelope; borrowed */
	size_t nblobs;
	unsigned timeout_ms; /* 30000 when 0; sent as the deadline, and kept on this side too */
};

/* One part of a reply. */
struct ksnap_reply {
	struct ksnap_blob *frame; /* the envelope's bytes */
	const void *r;            /* msgpack of the result, within frame */
	size_t r_len;
	bool more; /* further parts follow: ksnap_client_next */
	struct ksnap_blob **blobs;
	size_t nblobs;
};

/* Send and wait for the reply's first part. An error reply fails with its code and text. E_TIMEOUT:
 * no reply within the deadline and a second more, for the broker's own word comes first.
 * E_UNREACHABLE: the broker went away; whether the op ran is not known. The next call connects anew
 * and says hello again, so that ksnap_client_epoch() tells whether it is the same broker. */
int ksnap_client_call(struct ksnap_client *c, const struct ksnap_call *call,
		      struct ksnap_reply *ret, struct ksnap_err *err);
/* The next part of the reply that the last call began; each part is given the call's time anew.
 * E_STATE when there is none: another call, or a replay of a subscriber, ends the reply. */
int ksnap_client_next(struct ksnap_client *c, struct ksnap_reply *ret, struct ksnap_err *err);
void ksnap_reply_clear(struct ksnap_reply *r);

/* ---- subscriber: the live bus without silent holes --------------------------------------- */

struct ksnap_subscriber;

struct ksnap_live_msg {
	enum ksnap_live_kind {
		KSNAP_LIVE_MESSAGE, /* a header, perhaps with a payload */
		KSNAP_LIVE_LOST,    /* `lost` messages first..last of the channel are gone */
		KSNAP_LIVE_EPOCH,   /* the broker restarted; sequence numbers begin anew */
	} kind;
	char channel[KSNAP_TAG_MAX + 16];
	uint64_t seq;               /* MESSAGE */
	bool replayed;              /* MESSAGE: came from the broker's memory, not live */
	uint64_t first, last, lost; /* LOST */
	uint64_t epoch;
	struct ksnap_blob *header;  /* MESSAGE: msgpack map */
	struct ksnap_blob *payload; /* MESSAGE on report/...: the report; else NULL */
};

struct ksnap_subscribe_opts {
	size_t size;
	const char *const *channels; /* prefixes, NULL-terminated; all when NULL */
	const char *from;            /* NULL live only, "oldest", "last:N" or a sequence number */
	int hwm;                     /* messages queued on this side before loss; 1000 when 0 */
};

/* Returns when the subscription is in place (the first beat has come, at most a second): whatever
 * is published from then on is delivered or told as lost. Uses @c for replays, which end a reply
 * that
 * @c has not read to its end; @c must outlive it and belong to the same thread. Beats are delivered
 * only when a prefix names them. */
struct ksnap_subscriber *ksnap_subscriber_create(struct ksnap_client *c,
						 const struct ksnap_subscribe_opts *opts,
						 struct ksnap_err *err);
void ksnap_subscriber_destroy(struct ksnap_subscriber *s);
/* Next message, in order per channel. 1: got one; 0: none within @timeout_ms (-1: for ever), or a
 * signal handler ran. A hole is filled by a replay first, which has 5 seconds of its own; when that
 * fails with a code of which ksnap_err_retry() is true, the next call tries again and nothing is
 * lost by it. A replayed message never has a payload. */
int ksnap_subscriber_next(struct ksnap_subscriber *s, int timeout_ms, struct ksnap_live_msg *ret,
			  struct ksnap_err *err);
void ksnap_live_msg_clear(struct ksnap_live_msg *m);
/* Messages delivered and lost so far, over all channels. */
void ksnap_subscriber_totals(const struct ksnap_subscriber *s, uint64_t *delivered, uint64_t *lost);

/* ---- snapshot reader --------------------------------------------------------------------- */

struct ksnap_snapshot;
struct ksnap_map;

/* Checks and indexes a report; takes its own reference. Values are read lazily from its bytes. */
struct ksnap_snapshot *ksnap_snapshot_open(struct ksnap_blob *report, struct ksnap_err *err);
void ksnap_snapshot_close(struct ksnap_snapshot *s);
const char *ksnap_snapshot_tag(const struct ksnap_snapshot *s);
bool ksnap_snapshot_complete(const struct ksnap_snapshot *s);
/* NULL unless the report is a placeholder; then why. */
const char *ksnap_snapshot_placeholder(const struct ksnap_snapshot *s);
size_t ksnap_snapshot_map_count(const struct ksnap_snapshot *s);
/* Maps live as long as the snapshot. */
const struct ksnap_map *ksnap_snapshot_map_at(const struct ksnap_snapshot *s, size_t i);
/* By exact name (one above 15 bytes also finds what the kernel cut it to), or "id:7". E_NOTFOUND
 * lists the names that are there; E_ARG: several maps have the name, and not just one of them is in
 * use (below); E_STATE on a placeholder. */
const struct ksnap_map *ksnap_snapshot_map(const struct ksnap_snapshot *s, const char *name,
					   struct ksnap_err *err);

const char *ksnap_map_name(const struct ksnap_map *m);
uint32_t ksnap_map_id(const struct ksnap_map *m);
size_t ksnap_map_count(const struct ksnap_map *m);
bool ksnap_map_complete(const struct ksnap_map *m);
/* Values each entry has: the number of CPUs for a per-CPU map, else 0. */
unsigned ksnap_map_ncpu(const struct ksnap_map *m);

/* A typed place in a report; plain data, valid while the snapshot is open. */
struct ksnap_value {
	const struct ksnap_snapshot *snap;
	const uint8_t *data;
	size_t size;   /* bytes that are there */
	uint32_t type; /* index into the report's types; UINT32_MAX: no type is known */
	uint32_t bit_off, bit_size; /* bitfield within data; 0, 0 when none */
	unsigned ncpu;              /* > 0: one value a CPU, not yet narrowed */
	size_t stride;              /* bytes from one CPU's value to the next */
};

/* The place of the entry that @key names as within the brackets of a path: its number, its text,
 * its bytes as "hex:00ff", or "#3", the fourth. E_NOTFOUND shows keys that are there. */
int ksnap_map_find(const struct ksnap_map *m, const char *key, size_t *ret, struct ksnap_err *err);
/* The same by the key's bytes, as many as a key has. */
int ksnap_map_find_bytes(const struct ksnap_map *m, const void *key, size_t len, size_t *ret,
			 struct ksnap_err *err);
int ksnap_map_key(const struct ksnap_map *m, size_t i, struct ksnap_value *ret,
		  struct ksnap_err *err);
int ksnap_map_value(const struct ksnap_map *m, size_t i, struct ksnap_value *ret,
		    struct ksnap_err *err);
/* A BPF global, "nr_switches" or "obj.bss:nr_switches". Of several the one in a map in use (below)
 * is meant; a name that is still ambiguous lists the candidates. */
int ksnap_snapshot_var(const struct ksnap_snapshot *s, const char *name, struct ksnap_value *ret,
		       struct ksnap_err *err);
/* The maps in use by the struct_ops programs that were attached: their ids, borrowed from @s, and
 * what stands before the dot in the names of their sections (NULL: they differ). E_STATE: nothing
 * was attached, or the report does not tell. */
int ksnap_snapshot_active(const struct ksnap_snapshot *s, const uint32_t **ret, size_t *ret_n,
			  struct ksnap_err *err);
const char *ksnap_snapshot_active_obj(const struct ksnap_snapshot *s);
/* The same look-ups among the maps in use alone. E_NOTFOUND: also when none of them was captured.
 */
const struct ksnap_map *ksnap_snapshot_active_map(const struct ksnap_snapshot *s, const char *name,
						  struct ksnap_err *err);
int ksnap_snapshot_active_var(const struct ksnap_snapshot *s, const char *name,
			      struct ksnap_value *ret, struct ksnap_err *err);
/* One write to what a watch watches. */
struct ksnap_hit {
	uint64_t n;                    /* number among the told hits of the watch, from 1 */
	uint64_t addr;                 /* 0: the end of an object, not a write */
	unsigned len;                  /* bytes watched; 0: the same */
	uint64_t old_value, new_value; /* in the target's byte order, as on x86-64 */
	uint32_t pid, tid, cpu;        /* of the writer */
	char comm[64];
	uint64_t cgroup; /* id, of the v2 hierarchy */
	uint64_t mono_ns;
	uint64_t suppressed; /* hits of the watch before this one that were only counted */
	size_t nframes;      /* of the kernel's stack */
	uint64_t unseen;     /* suppressed ones of which nobody saw what they wrote */
	bool is_signed;      /* the values, by their type; they are zero-extended all the same */
};

struct ksnap_frame {
	uint64_t addr;
	char sym[200]; /* "do_writev+0x1f"; "": unknown */
};

/* The hit that a report follows. E_NOTFOUND: it follows none. */
int ksnap_snapshot_hit(const struct ksnap_snapshot *s, struct ksnap_hit *ret,
		       struct ksnap_err *err);
/* Frame @i of its stack, innermost first; false: there are fewer. */
bool ksnap_snapshot_hit_frame(const struct ksnap_snapshot *s, size_t i, struct ksnap_frame *ret);
/* From the top: "tasks[1234].ctx.weight" (a key as ksnap_map_find has it), "nr_switches",
 * "obj.bss:state.count", "stats[0][cpu=1].sum". */
int ksnap_snapshot_get(const struct ksnap_snapshot *s, const char *path, struct ksnap_value *ret,
		       struct ksnap_err *err);
/* Step into @v by "ctx.weight", "hist[3]", "[cpu=1].sum"; E_NOTFOUND lists what is there. */
int ksnap_value_get(const struct ksnap_value *v, const char *path, struct ksnap_value *ret,
		    struct ksnap_err *err);
/* What a pointer points to, in a report captured with `chase`; paths do this by themselves. E_ARG:
 * @v is no pointer, or pointers were not followed that far; E_NOTFOUND: it is NULL, or nothing
 * could be read there. */
int ksnap_value_deref(const struct ksnap_value *v, struct ksnap_value *ret, struct ksnap_err *err);
/* One CPU of a per-CPU value. */
int ksnap_value_cpu(const struct ksnap_value *v, unsigned cpu, struct ksnap_value *ret,
		    struct ksnap_err *err);

/* A number with its kind: what is negative is I64, what is not is U64. */
struct ksnap_number {
	enum ksnap_number_kind { KSNAP_NUMBER_U64, KSNAP_NUMBER_I64, KSNAP_NUMBER_F64 } kind;
	union {
		uint64_t u64;
		int64_t i64;
		double f64;
	};
	unsigned cpu; /* of a minimum or maximum: the first CPU that has it */
};

/* Over all CPUs of a per-CPU value, of the whole or of the part at @path (NULL, ""). E_ARG: @v is
 * not per CPU, the part is no number, or a sum is beyond 64 bits. */
int ksnap_value_sum(const struct ksnap_value *v, const char *path, struct ksnap_number *ret,
		    struct ksnap_err *err);
int ksnap_value_min(const struct ksnap_value *v, const char *path, struct ksnap_number *ret,
		    struct ksnap_err *err);
int ksnap_value_max(const struct ksnap_value *v, const char *path, struct ksnap_number *ret,
		    struct ksnap_err *err);

/* Typed reads. E_ARG names the actual type, or says "narrow with a CPU first". */
int ksnap_value_u64(const struct ksnap_value *v, uint64_t *ret, struct ksnap_err *err);
int ksnap_value_i64(const struct ksnap_value *v, int64_t *ret, struct ksnap_err *err);
int ksnap_value_f64(const struct ksnap_value *v, double *ret, struct ksnap_err *err);
int ksnap_value_bool(const struct ksnap_value *v, bool *ret, struct ksnap_err *err);
/* A char array up to its NUL, or an enum's name; written to @buf, always terminated. Returns the
 * length, which may be above @cap when it was cut. */
int ksnap_value_str(const struct ksnap_value *v, char *buf, size_t cap, struct ksnap_err *err);

/* From a file that `ksnap capture --save` or `drain --to` wrote. @tag chooses among several in a
 * collection; NULL: the file's only one. E_NOTFOUND: no such file or tag; E_PROTO: cut off, or not
 * such a file; E_DENIED: may not be read. */
struct ksnap_snapshot *ksnap_snapshot_load(const char *path, const char *tag,
					   struct ksnap_err *err);

/* ---- what differs between two snapshots -------------------------------------------------- */

enum ksnap_change_kind {
	KSNAP_CHANGE_NOTE, /* something keeps the comparison from being exact; see text */
	KSNAP_CHANGE_ADDED,
	KSNAP_CHANGE_REMOVED,
	KSNAP_CHANGE_CHANGED,
};

enum ksnap_change_what {
	KSNAP_CHANGE_MAP,
	KSNAP_CHANGE_ENTRY,
	KSNAP_CHANGE_VALUE,
	KSNAP_CHANGE_PROG, /* from here on: what a report lists beside its maps */
	KSNAP_CHANGE_LINK,
	KSNAP_CHANGE_STRUCT_OPS,
	KSNAP_CHANGE_SCHED,
	KSNAP_CHANGE_CPU,
	KSNAP_CHANGE_TASK,
};

struct msgpack_object; /* of msgpack.h */

/* One difference; valid during the call that gives it. May grow at its end. */
struct ksnap_change {
	enum ksnap_change_kind kind;
	enum ksnap_change_what what; /* MAP: a whole map; VALUE: a part of an entry, a global */
	const char *path;            /* "tasks", "tasks[1234].switches", "obj.bss:nr",
				      * "prog:on_switch.run_cnt" */
	const struct ksnap_map *map_a, *map_b; /* NULL where there is none */
	const struct ksnap_value *key;         /* of the entry, or NULL */
	const struct ksnap_value *a, *b; /* what it was, what it is; NULL where there is none */
	const char *delta;               /* "+2", "-0.5"; NULL: not two numbers */
	const char *text;                /* NOTE: for people */
	const char *name; /* beside the maps: whose it is ("on_switch"), by its id; or NULL */
	uint64_t id;
	/* In place of a and b, for what is no memory of the kernel: as the report has it. */
	const struct msgpack_object *plain_a, *plain_b;
};

/* Anything but 0 ends the comparison. */
typedef int (*ksnap_change_fn)(void *arg, const struct ksnap_change *change);

/* Tell @fn how @b differs from @a, sorted by map name, then in the order of the entries. Maps are
 * matched by name, and by id when both snapshots are of one boot; entries by the bytes of their
 * keys; parts of values by name, also when the types differ; what pointers point to, when both
 * snapshots have it, once and under the first pointer that leads there. After the maps come
 * programs, links and what else the reports list, in the same way. @path: only this map, value,
 * list ("progs") or part of one ("prog:on_switch"); NULL: all. 1: something was told, 0: nothing
 * was, or what @fn returned, or a negative code: E_STATE when either is a placeholder, E_NOTFOUND
 * when @path is in neither. */
int ksnap_snapshot_diff(const struct ksnap_snapshot *a, const struct ksnap_snapshot *b,
			const char *path, ksnap_change_fn fn, void *arg, struct ksnap_err *err);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
