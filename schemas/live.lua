-- Messages on the live bus that are not events. `kind` is the header's k; `channels` says where each
-- goes. An event of schemas/event goes to event/<bridge>, with its fields and `mono` in the header.
-- The keys below stand in the header beside those of live_header.
return {
	{ name = "live_captured", kind = "captured", channels = { "snapshot/<bridge>", "report/<bridge>" },
	  doc = "A snapshot was stored. On report/<bridge> the report itself is the payload frame; on snapshot/<bridge> there is none.",
	  fields = {
		{ "tag", "str", required = true, doc = "The tag." },
		{ "stored_seq", "uint", required = true, doc = "Insertion number on the bridge, from 1: `seq` of a snapshot_row." },
		{ "bytes", "uint", required = true, doc = "Size of the report in bytes." },
		{ "complete", "bool", required = true, doc = "The report's own word." },
		{ "placeholder", "bool", required = true, doc = "The capture failed; the report only says why." },
		{ "step", "uint", doc = "Scenario step, when one was given." },
		{ "elapsed_ms", "uint", doc = "Milliseconds since the scenario began, when given." },
		{ "boundary_ms", "uint", doc = "When a periodic capture was due, milliseconds since the scenario began." },
		{ "maps", "uint", doc = "Number of maps in the report, when a worker captured it." },
		{ "reason_count", "uint", doc = "Number of reasons the report gives for not being complete, when a worker captured it." },
	  },
	  example = { tag = "t0", stored_seq = 1, bytes = 4096, complete = true, placeholder = false, maps = 2, reason_count = 0 } },
	{ name = "live_joined", kind = "joined", channels = { "worker" },
	  doc = "A capture worker joined.", fields = {
		{ "worker", "str", required = true, doc = "Name of the worker." },
		{ "target", "str", required = true, doc = "Target it serves." },
		{ "kind", "str", required = true, doc = "Kind of the target." },
		{ "pid", "uint", required = true, doc = "Process id on its host." },
		{ "host", "str", required = true, doc = "Host it runs on." },
	  },
	  example = { worker = "live-1", target = "live", kind = "live", pid = 4700, host = "box" } },
	{ name = "live_lost", kind = "lost", channels = { "worker" },
	  doc = "A capture worker died or fell silent.", fields = {
		{ "worker", "str", required = true, doc = "Name of the worker." },
		{ "target", "str", required = true, doc = "Target it served." },
		{ "reason", "str", required = true, doc = "How it was lost, for people." },
		{ "job", "uint", doc = "Number of the job it had." },
	  },
	  example = { worker = "live-1", target = "live", reason = "silent for 5 heartbeats", job = 17 } },
	{ name = "live_left", kind = "left", channels = { "worker" },
	  doc = "A capture worker left in good order.", fields = {
		{ "worker", "str", required = true, doc = "Name of the worker." },
		{ "target", "str", required = true, doc = "Target it served." },
	  },
	  example = { worker = "live-1", target = "live" } },
	{ name = "live_beat", kind = "beat", channels = { "beat" },
	  doc = "The broker lives; sent every second. Its seq is 0, it is not retained.", fields = {
		{ "last", "any", any = { "map" }, required = true, doc = "Channel to the number of its newest message, so that a loss at the tail is seen." },
	  },
	  example = { last = { ["event/default"] = 2 } } },
}
