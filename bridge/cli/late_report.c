// SPDX-License-Identifier: MIT
/* late_report.c - get by tag, and see that it is the one the message was about. */
#include "cli/late_report.h"

#include <string.h>

#include "base/error.h"
#include "cli/params.h"
#include "cli/print.h"

/* Another snapshot may have taken the tag, another broker the place. */
static bool is_of(const struct ksnap_client *c, const struct ksnap_live_msg *msg, uint64_t stored,
		  const struct ksnap_reply *reply)
{
	msgpack_unpacked u;
	bool same;

	if (reply->nblobs != 1 || ksnap_client_epoch(c) != msg->epoch ||
	    object_decode(&u, reply->r, reply->r_len, NULL) < 0)
		return false;
	same = field_uint(&u.data, "seq", 0) == stored;
	msgpack_unpacked_destroy(&u);
	return same;
}

int late_report(struct ksnap_client *c, const struct ksnap_live_msg *msg,
		const msgpack_object *header, struct ksnap_blob **ret, struct ksnap_err *err)
{
	KSNAP_OPTS(ksnap_call, call, .op = "get", .bridge = strchr(msg->channel, '/') + 1);
	msgpack_object_str str = field_str(header, "tag");
	uint64_t stored = field_uint(header, "stored_seq", 0);
	char tag[KSNAP_TAG_MAX + 1] = "";
	struct ksnap_reply reply = { 0 };
	_params_ struct params p;
	int r;

	memcpy(tag, str.ptr, str.size < sizeof(tag) ? str.size : sizeof(tag) - 1);
	params_init(&p);
	params_str(&p, "tag", tag);
	if (!params_ok(&p))
		return err_nomem(err);
	call.params = p.buf.data;
	call.params_len = p.buf.len;
	r = ksnap_client_call(c, &call, &reply, err);
	if (r == KSNAP_E_NOTFOUND)
		return 0;
	if (r < 0)
		return r;
	r = is_of(c, msg, stored, &reply);
	if (r)
		*ret = ksnap_blob_ref(reply.blobs[0]);
	ksnap_reply_clear(&reply);
	return r;
}
