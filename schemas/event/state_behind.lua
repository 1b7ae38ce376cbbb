return {
	name = "state_behind", number = 303, since = 1,
	summary = "What is stored can not be written to the folder of --state.",
	doc = [[Raised on every bridge. The broker goes on from memory and tries again each second; until
state_caught_up, a broker that is killed comes back with what was written before and was not replaced since.]],
	fields = {
		{ "reason", "str", required = true, doc = "What failed, for people." },
	},
	example = { reason = "cannot write /var/lib/ksnap/0000000007.seg: No space left on device" },
}
