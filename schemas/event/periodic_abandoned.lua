return {
	name = "periodic_abandoned", number = 109, since = 1,
	summary = "Two periodic captures in a row timed out: the target did not stand still, or did not answer.",
	doc = [[Whoever takes them leaves the rest out, as `ksnap run` does; the bridge itself refuses none and
counts anew. A periodic capture that is stored, or fails in another way, ends the row; one that may be
tried again (retry) does not count.]],
	fields = {
		{ "tag", "str", required = true, doc = "Tag of the second one." },
		{ "timeouts", "uint", required = true, doc = "How many in a row." },
		{ "reason", "str", required = true, doc = "Why the second one failed." },
	},
	example = { tag = "periodic_004", timeouts = 2, reason = "the guest did not stop within 5000 ms" },
}
