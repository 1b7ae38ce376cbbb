return {
	name = "worker_lost", number = 302, since = 1,
	summary = "A capture worker died or fell silent.",
	doc = [[Its job, if it had one, fails with E_WORKER_LOST; jobs that wait go to other workers of the target.
Raised on the bridge of its job, and on every bridge that a session used for which it held something: that is
released with it.]],
	fields = {
		{ "worker", "str", required = true, doc = "Name of the worker." },
		{ "target", "str", required = true, doc = "Target it served." },
		{ "reason", "str", required = true, doc = "How it was lost, for people, and what it held for sessions that used this bridge: that is released." },
		{ "job", "uint", doc = "Number of the job it had, on that job's bridge." },
	},
	example = { worker = "live-1", target = "live", reason = "silent for 5 heartbeats", job = 17 },
}
