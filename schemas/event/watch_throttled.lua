return {
	name = "watch_throttled", number = 202, since = 1,
	summary = "A watch fired more often than its rate allows.",
	doc = [[Hits above the rate are counted in the kernel and go no further.]],
	fields = {
		{ "symbol", "str", required = true, doc = "What is watched." },
		{ "watch", "uint", required = true, doc = "Id of the watch." },
		{ "suppressed", "uint", required = true, doc = "Hits suppressed since the last such event." },
	},
	example = { symbol = "jiffies_64", watch = 1, suppressed = 980 },
}
