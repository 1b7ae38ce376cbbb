return {
	name = "watch_armed", number = 201, since = 1,
	summary = "A watch holds a debug register and counts writes.",
	doc = [[Its hits appear on watch/<bridge>.]],
	fields = {
		{ "symbol", "str", required = true, doc = "What is watched." },
		{ "watch", "uint", required = true, doc = "Id of the watch." },
	},
	example = { symbol = "jiffies_64", watch = 1 },
}
