-- Messages on the work socket, between the broker and its capture workers. Frames: [envelope] [blob ...].
-- `k` names the message. A job carries the op's own params, already checked by the broker.
return {
	{ name = "work_join", from = "worker", doc = "First message of a worker, repeated with every heartbeat until welcomed. The routing id of its socket is its name, or better, its name with # and something random behind it.", fields = {
		{ "k", "str", enum = { "join" }, required = true, doc = "join." },
		{ "v", "uint", required = true, doc = "Protocol version, 1." },
		{ "name", "str", min = 1, max = 64, required = true, doc = "Unique within the broker." },
		{ "target", "str", min = 1, max = 256, required = true, doc = "Target it serves." },
		{ "kind", "str", min = 1, max = 64, required = true, doc = "Kind of the target." },
		{ "pid", "uint", required = true, doc = "Process id; names the process only on the broker's host." },
		{ "life", "uint", doc = "Random number of this worker's life, the same in every repeat of its join: another one is another worker under that name." },
		{ "host", "str", max = 256, required = true, doc = "Host it runs on." },
	},
	  example = { k = "join", v = 1, name = "live-1", target = "live", kind = "live", pid = 4700, host = "box" } },
	{ name = "work_beat", from = "worker", doc = "The worker lives. Also the state of its accessor, whenever that changes.", fields = {
		{ "k", "str", enum = { "beat" }, required = true, doc = "beat." },
		{ "accessor", "uint", max = 3, required = true, doc = "0 trying, 1 succeeded, 2 failed for good." },
		{ "seqno", "uint", required = true, doc = "Successful (re)initialisations so far." },
		{ "error", "str", doc = "Why the accessor failed." },
	},
	  example = { k = "beat", accessor = 1, seqno = 1 } },
	{ name = "work_done", from = "worker", doc = "The answer to a job; blobs as the job's op says.", fields = {
		{ "k", "str", enum = { "done" }, required = true, doc = "done." },
		{ "job", "uint", required = true, doc = "The job's number." },
		{ "ok", "bool", required = true, doc = "Whether r or e is there." },
		{ "r", "any", doc = "The result: a captured for capture jobs." },
		{ "e", "error", doc = "The error." },
	},
	  example = { k = "done", job = 17, ok = true, r = { maps = 2, complete = true, placeholder = false, reasons = {} } } },
	{ name = "captured", from = "worker", doc = "Result of a capture_snapshot job; the report is the blob.", fields = {
		{ "maps", "uint", required = true, doc = "Maps in the report." },
		{ "complete", "bool", required = true, doc = "The report's own word." },
		{ "placeholder", "bool", required = true, doc = "The report's own word." },
		{ "reasons", "any", any = { "list" }, required = true, doc = "The report's reasons, a list." },
	},
	  example = { maps = 2, complete = true, placeholder = false, reasons = {} } },
	{ name = "freezing", from = "broker", doc = "What the params of a job that freezes a cgroup have beside the op's own.", fields = {
		{ "by", "str", required = true, doc = "Who asks, in words." },
		{ "host", "str", max = 256, required = true, doc = "The broker's host: the pids mean something there only." },
		{ "spared", "list", of = "spared", required = true, doc = "Who must not be frozen." },
	},
	  example = { by = "session ksnap run", host = "box", spared = { { pid = 4600, who = "the broker" } } } },
	{ name = "work_welcome", from = "broker", doc = "The worker is taken; jobs follow.", fields = {
		{ "k", "str", enum = { "welcome" }, required = true, doc = "welcome." },
		{ "v", "uint", required = true, doc = "Protocol version, 1." },
		{ "epoch", "uint", required = true, doc = "The broker's epoch." },
		{ "heartbeat_ms", "uint", required = true, doc = "How often to beat." },
	},
	  example = { k = "welcome", v = 1, epoch = 7241866550153, heartbeat_ms = 1000 } },
	{ name = "work_refused", from = "broker", doc = "The worker is not taken: wrong version, or the routing id of its socket is not its name, with or without # and more.", fields = {
		{ "k", "str", enum = { "refused" }, required = true, doc = "refused." },
		{ "msg", "str", required = true, doc = "Why." },
	},
	  example = { k = "refused", msg = "its protocol version is another one" } },
	{ name = "work_job", from = "broker", doc = "Do this; blobs as the op says.", fields = {
		{ "k", "str", enum = { "job" }, required = true, doc = "job." },
		{ "job", "uint", required = true, doc = "Number, unique in the broker's life." },
		{ "op", "str", min = 1, max = 64, required = true, doc = "capture_snapshot, capture_cgroup_procs, attach_object, detach_object, freeze, thaw, or render." },
		{ "p", "any", any = { "map" }, required = true, doc = "The op's params; for render {path?, tree: bool}." },
		{ "t", "uint", required = true, doc = "Milliseconds left until the deadline." },
	},
	  example = { k = "job", job = 17, op = "capture_snapshot", p = { tag = "t0" }, t = 29990 } },
	{ name = "work_beat_broker", from = "broker", doc = "The broker lives; sent every heartbeat.", fields = {
		{ "k", "str", enum = { "beat" }, required = true, doc = "beat." },
	},
	  example = { k = "beat" } },
	{ name = "work_leave", from = "broker", doc = "Stop working and exit.", fields = {
		{ "k", "str", enum = { "leave" }, required = true, doc = "leave." },
	},
	  example = { k = "leave" } },
}
