return {
	name = "freeze", number = 504, since = 1, right = "write",
	summary = "Freeze a cgroup: all its tasks stand still until thaw.",
	doc = [[
The reply comes when the kernel says that all of them stand still; a cgroup that does not within the
deadline runs again and the op fails with E_TIMEOUT. The session owns it: when that ends, is lost, or the
worker or the broker dies, however that happens, the cgroup is thawed. Only when the worker and the child that does
it, `ksnap-thaw`, are killed together does it stand still until the next worker comes, or `thaw` is given force. One session holds a cgroup at a
time; who asks for one that is held is told by whom (E_STATE). Refused are the root, and a cgroup that
holds, itself or below it, the worker, the broker, or the session's own process, as far as those are on
the worker's host and hello was told the pid: nobody could thaw it then. Only cgroups of v2.]],
	params = {
		{ "cgroup", "str", required = true, min = 1, max = 4000, doc = "/a/b from the root of the v2 hierarchy, or the folder's whole path." },
		{ "target", "str", min = 1, max = 256, doc = "Target name; the broker's first target when absent." },
	},
	reply = { "map", fields = {
		{ "cgroup", "str", required = true, doc = "Its path from the root of the hierarchy." },
	} },
	errors = { "E_BUSY", "E_LIMIT", "E_STATE", "E_TARGET", "E_TIMEOUT", "E_UNSUPPORTED", "E_WORKER_LOST", "E_NOTFOUND", "E_DENIED" },
	example = {
		params = { cgroup = "/ksnap.slice/load" },
		reply = { cgroup = "/ksnap.slice/load" },
	},
}
