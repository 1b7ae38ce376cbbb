# SPDX-License-Identifier: MIT
"""Every operation once, over REQ and DEALER, over ipc and tcp; every reply fits the schemas."""
import sys

import zmq

import report
import reports
from bus import Client
from serve import Broker
from shapes import OPS, check, check_refusal, check_reply
from tap import equal, run, test, tests
from worker import Failed, Worker

STATS = {"nr_cpus": 4, "layers": [{"name": "batch", "util": 0.5}], "raw": b"\0\xff"}


def attach(params, blobs):
    assert blobs == [b"\x7fELF object"], blobs
    return {"maps": [12, 13], "progs": [40]}, None


def render(params, blobs):
    tag = report.load(blobs[0])["tag"]
    return {"tag": tag, "path": params.get("path")}, None


def replace(params, blobs):
    assert blobs == [b"\x7fELF another"], blobs
    return {"maps": [14], "progs": [41], "map_names": ["tasks"], "prog_names": ["on_switch"]}, None


FROZEN = set()


def freeze(params, blobs):
    """Which cgroup it is, and whether it is frozen, is the worker's to know."""
    if params["cgroup"] in FROZEN:
        raise Failed("E_STATE", "X", "it is frozen already")
    FROZEN.add(params["cgroup"])
    return {"cgroup": params["cgroup"]}, None


def thaw(params, blobs):
    FROZEN.remove(params["cgroup"])
    return {}, None


JOBS = {"attach_object": attach, "replace_object": replace, "detach_object": lambda p, blobs: ({}, None), "render": render,
        "capture_cgroup_procs": lambda p, blobs: ({"pids": [4711, 4712]}, None),
        "freeze": freeze, "thaw": thaw,
        "watch_snapshot": lambda p, blobs: ({"addr": 2**64 - 4096, "len": p["len"], "slot": 1}, None),
        "unwatch": lambda p, blobs: ({"hits": 1000, "suppressed": 980}, None)}


class Walk:
    """One client that issues every op once, in an order in which each has something to answer. Each step is
    a test; the bridge is its own, so that walks do not meet."""

    def __init__(self, name, kind, url, delimiter=False):
        self.name, self.kind, self.url, self.delimiter = name, kind, url, delimiter
        self.bridge = name.replace(" ", "-")
        self.client, self.used = None, set()

    def ask(self, op, p=None, blobs=()):
        """Ask with params that fit the schema too; the parts of a reply that fits."""
        self.used.add(op)
        check(f"{op}_params", p or {})
        parts = self.client.parts(op, p, blobs, b=self.bridge)
        check_reply(op, parts)
        return parts

    def call(self, op, p=None, blobs=()):
        parts = self.ask(op, p, blobs)
        equal(len(parts), 1, "parts")
        return parts[0].r

    # ---- the steps, in order

    def hello(self, broker):
        url = getattr(broker, self.url)
        self.client = Client(url, self.kind, delimiter=self.delimiter)
        r = self.call("hello", {"client": self.name, "kind": "executor", "pid": 4711})
        equal((r["live"], r["work"]), ([broker.live], [broker.work]))
        equal(r["rights"], ["observe", "capture", "watch", "write", "admin"])
        equal(r["heartbeat_ms"], 1000)
        equal(r["bridge_limits"], {"snapshots": 64, "bytes": 256 << 20, "events": 1024, "watches": 3})
        equal(r["limits"]["MAX_CONTROL_FRAME"], 1 << 20)
        self.epoch = r["epoch"]

    def ping(self, broker):
        first, second = self.call("ping"), self.call("ping")
        assert first["mono"] <= second["mono"], (first, second)
        assert 1_600_000_000 * 10**9 < first["ts"], first

    def describe(self, broker):
        r = self.call("describe")
        equal(sorted(row["name"] for row in r["ops"]), OPS)
        assert all(row["doc"] or row["summary"] for row in r["ops"]), "an op without words"
        equal(r["report"]["schema"], "ksnap.report/1")
        equal(r["protocol"], 1)

    def open_bridge(self, broker):
        r = self.call("open_bridge", {"limits": {"snapshots": 16}})
        equal(r, {"bridge": self.bridge, "limits": {"snapshots": 16, "bytes": 256 << 20, "events": 1024, "watches": 3}})

    def wait_accessor(self, broker):
        equal(self.call("wait_accessor", {"target": "py"}), {"seqno": broker.worker.seqno, "state": "succeeded"})

    def capture_snapshot(self, broker):
        r = self.call("capture_snapshot", {"tag": "t0", "step": 3, "elapsed_ms": 205, "boundary_ms": 200})
        equal((r["tag"], r["seq"], r["maps"], r["complete"], r["reasons"]), ("t0", 1, 2, True, []))
        self.captured_bytes = r["bytes"]

    def capture_cgroup_procs(self, broker):
        r = self.call("capture_cgroup_procs", {"tag": "p0", "cgroup": "/load", "target": "py"})
        equal(r, {"pids": [4711, 4712]})

    def store_snapshot(self, broker):
        self.stored = reports.head()
        r = self.call("store_snapshot", {"tag": "t1", "step": 65535, "stats": STATS, "elapsed_ms": 250,
                                         "boundary_ms": 240}, [self.stored])
        del r["elapsed_us"]
        equal(r, {"tag": "t1", "seq": 2, "bytes": len(self.stored), "maps": 0, "complete": True, "reasons": []})

    def list(self, broker):
        rows = self.call("list")
        equal([(row["tag"], row["seq"], row["bytes"], row.get("step"), row.get("elapsed_ms"), row.get("boundary_ms"))
               for row in rows], [("t0", 1, self.captured_bytes, 3, 205, 200),
                                  ("t1", 2, len(self.stored), 65535, 250, 240)])

    def has(self, broker):
        equal(self.call("has", {"tag": "t1"}), True)
        equal(self.call("has", {"tag": "t2"}), False)

    def get(self, broker):
        part, = self.ask("get", {"tag": "t0"})
        equal(len(part.blobs[0]), self.captured_bytes)
        check("report", report.load(part.blobs[0]))
        equal(part.r["stats_reason"], "no_client")
        part, = self.ask("get", {"tag": "t1"})
        equal((part.blobs, part.r["stats"]), ([self.stored], STATS))

    def event_count(self, broker):
        equal(self.call("event_count"), 0)
        self.call("store_snapshot", {"tag": "t1"}, [self.stored])
        equal(self.call("event_count"), 1)

    def drain_events(self, broker):
        event, = self.call("drain_events")
        check("event_overwrite", event)
        equal((event["seq"], event["k"], event["tag"], event["prior_schema"]), (1, "overwrite", "t1", "ksnap.report/1"))
        equal(self.call("event_count"), 0)

    def cgroup_procs_by_tag(self, broker):
        equal(self.call("cgroup_procs_by_tag", {"tag": "p0"}), {"cgroup": "/load", "pids": [4711, 4712]})

    def drain_cgroup_procs(self, broker):
        record = {"tag": "p0", "cgroup": "/load", "pids": [4711, 4712]}
        equal(self.call("drain_cgroup_procs"), {"records": [record], "dropped": 0})
        equal(self.call("drain_cgroup_procs"), {"records": [], "dropped": 0})

    def write_kernel_hot(self, broker):
        entries = [{"at": "table[5]", "value": 77}, {"at": "fixture:name", "value": b"walk\0"},
                   {"at": "level", "value": -9}, {"at": "small", "value": 3, "width": 1}]
        equal(self.call("write_kernel_hot", {"tag": "w0", "entries": entries}), {"written": 4})
        refused = self.client.refusal("write_kernel_hot", {"tag": "w1", "entries": [
            {"at": "counter", "value": 5}, {"at": "nothing", "value": 1}, {"at": "counter", "value": 6}]})
        check_refusal(refused)
        equal((refused.code, refused.reply["e"]["detail"]), ("E_NOTFOUND", {"entry": 1, "written": 1}))
        equal(self.client.refusal("write_kernel_hot", {"tag": "w1", "entries": [
            {"at": "flags", "value": {"or": 1}}]}).code, "E_ARG")

    def write_kernel_cold(self, broker):
        entries = [{"at": "flags", "value": 0x10}, {"at": "flags", "value": {"or": 0x83}}]
        r = self.call("write_kernel_cold", {"tag": "w2", "entries": entries, "freeze": "/fixture"})
        equal(r, {"written": 2})

    def read_kernel_hot(self, broker):
        def read(at, **more):
            r = self.call("read_kernel_hot", {"tag": "k0", "at": at, **more})
            equal(list(r), ["value"])
            return r["value"]
        equal(read("counter"), 5)  # what was written before the failure stays
        equal((read("table[5]"), read("table[4]"), read("level"), read("small")), (77, 16, -9, 3))
        equal(read("name"), b"walk\0re" + bytes(9))
        equal(read("level", width=2), 0x10000 - 9)
        equal(read("0xffff800000000040", width={"bytes": 8}), bytes([0, 0, 0, 0, 1, 0, 0, 0]))
        equal(read("map0[3].comm"), b"task-3" + bytes(10))
        equal(read({"task": 1002, "start_time": 10020, "field": "pid"}), 1002)
        equal(read({"task": 1002, "field": "pid"}), 1002)  # whoever has the id
        for at, width, code in [("0x1000", 8, "E_TARGET"), ("nothing", 8, "E_NOTFOUND"), ("counter", 3, "E_ARG"),
                                ("counter", {"bytes": 0}, "E_ARG"), ("counter", {"bytes": (1 << 20) + 1}, "E_ARG"),
                                ("0xffff800000000041", 8, "E_ARG"), ("", 8, "E_ARG"), (7, 8, "E_ARG"),
                                ({"task": 1002, "start_time": 1, "field": "pid"}, 4, "E_NOTFOUND"),
                                ({"task": 1002, "start_time": 10020}, 4, "E_ARG")]:
            refused = self.client.refusal("read_kernel_hot", {"tag": "bad", "at": at, "width": width}, b=self.bridge)
            check_refusal(refused)
            equal((at, width, refused.code), (at, width, code))
        for p in {"tag": "bad"}, {"tag": "bad", "at": "counter", "entries": [{"at": "counter"}]}:
            equal(self.client.refusal("read_kernel_hot", p, b=self.bridge).code, "E_ARG")

    def read_kernel_cold(self, broker):
        entries = [{"at": "flags", "width": 4}, {"at": "table", "width": {"bytes": 4}}]
        r = self.call("read_kernel_cold", {"tag": "k1", "entries": entries, "freeze": "/fixture"})
        equal(r, {"value": 0x93, "values": [0x93, bytes(4)]})
        refused = self.client.refusal("read_kernel_cold", {"tag": "k1", "at": "flags", "freeze": "/elsewhere"},
                                      b=self.bridge)
        check_refusal(refused)
        equal(refused.code, "E_NOTFOUND")

    def kernel_op_value(self, broker):
        equal(self.call("kernel_op_value", {"tag": "k0"}), {"value": 5})
        equal(self.call("kernel_op_value", {"tag": "k1"}), {"value": 0x93})
        for tag in "w0", "bad", "never":
            equal(self.client.refusal("kernel_op_value", {"tag": tag}, b=self.bridge).code, "E_NOTFOUND")

    def drain_kernel_ops(self, broker):
        r = self.call("drain_kernel_ops")
        equal(r["dropped"], 0)
        rows = [(row["tag"], row["op"], row["ok"]) for row in r["records"]]
        equal(rows[:2] + rows[-2:], [("w0", "write_kernel_hot", True), ("w2", "write_kernel_cold", True),
                                     ("k1", "read_kernel_cold", True), ("k1", "read_kernel_cold", False)])
        equal(sum(tag == "bad" and not ok for tag, _, ok in rows), 12)
        equal(r["records"][0]["result"], {"written": 4})
        equal(r["records"][0]["params"]["entries"][0], {"at": "table[5]", "value": 77})
        assert r["records"][-1]["error"].startswith("E_NOTFOUND: "), r["records"][-1]
        equal(self.call("drain_kernel_ops"), {"records": [], "dropped": 0})

    def replay(self, broker):
        *headers, last = [part.r for part in self.ask("replay", {"channel": f"snapshot/{self.bridge}", "from": "oldest"})]
        equal([(r["header"]["seq"], r["header"]["tag"], r["header"]["k"]) for r in headers],
              [(1, "t0", "captured"), (2, "t1", "captured"), (3, "t1", "captured")])
        equal(last, {"first": 1, "last": 3, "lost": 0})
        equal(headers[0]["header"]["epoch"], self.epoch)

    def drain(self, broker):
        *parts, last = self.ask("drain")
        equal([(part.r["tag"], part.r["seq"], part.r["stats_reason"]) for part in parts],
              [("t0", 1, "no_client"), ("t1", 3, "no_client")])
        equal([len(part.blobs[0]) for part in parts], [self.captured_bytes, len(self.stored)])
        equal((last.r, last.blobs), ({"count": 2, "bytes": self.captured_bytes + len(self.stored)}, []))
        equal([part.r for part in self.ask("drain")], [{"count": 0, "bytes": 0}])

    def attach_object(self, broker):
        r = self.call("attach_object", {"name": self.bridge, "target": "py"}, [b"\x7fELF object"])
        equal(r, {"maps": [12, 13], "progs": [40]})

    def replace_object(self, broker):
        r = self.call("replace_object", {"name": self.bridge}, [b"\x7fELF another"])
        equal(r, {"maps": [14], "progs": [41], "map_names": ["tasks"], "prog_names": ["on_switch"]})
        refused = self.client.refusal("replace_object", {"name": "nobody"}, [b"\x7fELF another"])
        check_refusal(refused)
        equal(refused.code, "E_NOTFOUND")

    def freeze(self, broker):
        r = self.call("freeze", {"cgroup": f"/{self.bridge}", "target": "py"})
        equal(r, {"cgroup": f"/{self.bridge}"})
        refused = self.client.refusal("freeze", {"cgroup": f"/{self.bridge}", "target": "py"})
        check_refusal(refused)
        equal(refused.code, "E_STATE")

    def watch_snapshot(self, broker):
        r = self.call("watch_snapshot", {"symbol": "probe.bss:n", "len": 4, "rate": 5, "target": "py"})
        self.watch = r["watch"]
        equal(r, {"watch": self.watch, "addr": 2**64 - 4096, "len": 4, "slot": 1, "tag": "probe.bss:n"})
        event, = self.call("drain_events")
        check("event_watch_armed", event)

    def list_watches(self, broker):
        row, = self.call("list_watches")
        equal((row["watch"], row["symbol"], row["session"], row["worker"]), (self.watch, "probe.bss:n", self.name, "py-1"))

    def status(self, broker):
        r = self.call("status")
        equal(r["epoch"], self.epoch)
        assert getattr(broker, self.url) in r["endpoints"]["control"], r["endpoints"]
        mine, = [row for row in r["sessions"] if row["name"] == self.name]
        equal((mine["kind"], mine["pid"], mine["in_flight"], mine["owns"]),
              ("executor", 4711, 1, [f"watch {self.watch} (probe.bss:n)", f"frozen cgroup /{self.bridge}", f"object {self.bridge}"]))
        row, = [row for row in r["bridges"] if row["name"] == self.bridge]
        equal((row["stored"], row["accepted"], row["overwritten"], row["drained"], row["events_raised"]), (0, 3, 1, 2, 2))
        equal([row["name"] for row in r["targets"]], ["fixture:maps=2,entries=10", "py"])
        equal(sorted((row["name"], row["kind"]) for row in r["workers"]), [("fixture-1", "fixture"), ("py-1", "python")])

    def unwatch(self, broker):
        r = self.call("unwatch", {"watch": self.watch})
        equal(r, {"watch": self.watch, "symbol": "probe.bss:n", "hits": 1000, "suppressed": 980})
        check_refusal(self.client.refusal("unwatch", {"watch": self.watch}, b=self.bridge))
        event, = self.call("drain_events")
        check("event_watch_disarmed", event)

    def thaw(self, broker):
        with broker.client() as other:
            refused = other.refusal("thaw", {"cgroup": f"/{self.bridge}"})
            check_refusal(refused)
            equal(refused.code, "E_STATE")
        equal(self.call("thaw", {"cgroup": f"/{self.bridge}"}), {})
        equal(self.client.refusal("thaw", {"cgroup": f"/{self.bridge}"}).code, "E_NOTFOUND")

    def detach_object(self, broker):
        equal(self.call("detach_object", {"name": self.bridge}), {})
        check_refusal(self.client.refusal("detach_object", {"name": self.bridge}))

    def close_bridge(self, broker):
        self.call("store_snapshot", {"tag": "t9"}, [self.stored])
        equal(self.call("close_bridge"), {"snapshots": 1, "events": 0, "bytes": len(self.stored)})
        equal(self.call("list"), [])

    def bye(self, broker):
        self.call("attach_object", {"name": self.bridge, "target": "py"}, [b"\x7fELF object"])
        equal(self.call("bye"), {"released": [f"object {self.bridge}"]})
        equal(self.used, set(OPS), "ops that were used")
        self.client.close()


STEPS = [name for name in vars(Walk) if not name.startswith("_") and name not in ("ask", "call")]
WALKS = [Walk("REQ over ipc", zmq.REQ, "ipc"), Walk("DEALER over ipc", zmq.DEALER, "ipc"),
         Walk("REQ over tcp", zmq.REQ, "tcp"), Walk("DEALER over tcp", zmq.DEALER, "tcp"),
         Walk("DEALER with a delimiter", zmq.DEALER, "ipc", delimiter=True)]
for walk in WALKS:
    for step in STEPS:
        tests.append((f"{walk.name}: {step}", getattr(walk, step)))


@test("get as tree gives what a worker rendered")
def get_tree(broker):
    types = [{"k": "int", "n": "u32", "s": 4, "enc": "unsigned"}]
    row = {"type": "array", "value_size": 4, "count": 1, "keys": b"\0" * 4, "vals": b"\x2a\0\0\0", "kt": 0, "vt": 0}
    with broker.client() as c:
        c.call("store_snapshot", {"tag": "t0"}, [report.msgpack.packb(reports.whole(types, [row]))], b="tree")
        part = c.part("get", {"tag": "t0", "as": "tree", "path": "map0[0]"}, b="tree")
        check_reply("get", [part])
        equal(part.blobs, [], "blobs")
        equal(part.r["tree"], 42)
        refused = c.refusal("get", {"tag": "t0", "path": "map0[0]"}, b="tree")
        equal(refused.code, "E_ARG", "a path without as = tree")


@test("a target that cannot load objects says E_UNSUPPORTED")
def fixture_cannot(broker):
    with broker.client() as c:
        refused = c.refusal("attach_object", {"name": "probe"}, [b"\x7fELF"])
        check_refusal(refused)
        equal((refused.code, refused.cls, refused.retry), ("E_UNSUPPORTED", "target", False))


@test("a worker without --allow-writes writes nothing")
def writes_denied(broker):
    with Broker() as other, other.client() as c:
        p = {"tag": "w", "entries": [{"at": "counter", "value": 1}]}
        refused = c.refusal("write_kernel_hot", p)
        check_refusal(refused)
        equal(refused.code, "E_DENIED")
        equal(c.refusal("write_kernel_cold", p).code, "E_DENIED")
        equal(c.call("read_kernel_hot", {"tag": "k", "at": "counter"}), {"value": 1001})
        equal([(row["tag"], row["ok"]) for row in c.call("drain_kernel_ops")["records"]],
              [("w", False), ("w", False), ("k", True)])


@test("what no worker was asked for is logged, too")
def unasked(broker):
    with broker.client() as c:
        refused = c.refusal("read_kernel_hot", {"tag": "k", "at": "x", "target": "nowhere"}, b="no-memory")
        equal(refused.code, "E_NOTFOUND")
        record, = c.call("drain_kernel_ops", b="no-memory")["records"]
        equal((record["ok"], record["error"][:12]), (False, "E_NOTFOUND: "))


@test("ids are echoed as they came: uint64, strings up to 64 bytes, both at once")
def ids(broker):
    with broker.client() as c:
        for id in (0, 1, 127, 128, 2**32, 2**63, 2**64 - 1, "", "a", "x" * 64, "\u00e9" * 32, "nul\0inside"):
            part = c.part("ping", id=id)
            equal((type(part.envelope["id"]), part.envelope["id"]), (type(id), id))


@test("64 requests in flight, each gets its own answer")
def pipelined(broker):
    with broker.client() as c:
        for i in range(64):
            c.send("store_snapshot", {"tag": f"p{i}"}, [reports.head()], b="pipelined", id=f"r{i}")
        got = {}
        for _ in range(64):
            part, = c.receive()
            got[part.envelope["id"]] = part.r["tag"]
        equal(got, {f"r{i}": f"p{i}" for i in range(64)})


@test("a REQ socket that asked for many parts can go on asking")
def req_goes_on(broker):
    with Client(broker.tcp, zmq.REQ) as c:
        for i in range(60):
            c.call("store_snapshot", {"tag": f"t{i}"}, [reports.sized(2000)], b="req")
        for round in range(20):
            parts = c.parts("replay", {"channel": "snapshot/req", "from": "oldest"})
            equal(len(parts), 61)
            c.call("ping")
        equal([part.r["tag"] for part in c.parts("drain", b="req")[:-1]], [f"t{i}" for i in range(60)])
        equal(c.call("list", b="req"), [])


def main():
    with Broker(args=["--allow-writes"]) as broker, Worker(broker.work, "py-1", "py", JOBS) as broker.worker:
        with broker.client() as c:
            c.call("wait_accessor", {"target": "py"})
        return run(broker, on_failure=broker.tell)


if __name__ == "__main__":
    sys.exit(main())
