# SPDX-License-Identifier: MIT
"""One value out of a stored snapshot: `ksnap show TAG PATH` in every form, and get {as: tree, path}
through a worker, on maps that tests/bpf/hold filled; and who waits for a long rendering: nobody else."""
import json
import os
import signal
import subprocess
import sys

from bus import Client, unpack
from serve import Broker
from shapes import check_refusal
from tap import equal, require, run, test

TOP = os.environ["KSNAP_TOP_BUILDDIR"]
WAIT_S = 60
BIG = "fixture:maps=1,entries=50000,bytes=64"
FORMS = "json", "jsonl", "table", "msgpack"
QUEUED = {"name": "SHAPE_QUEUED", "value": 1}

# path, its value in JSON, the same with --raw, as text
HITS = [
    ("tasks[7].comm", "task-7", "task-7", '"task-7"'),
    ("tasks[0x7].state", QUEUED, 1, "SHAPE_QUEUED (1)"),
    ("tasks[hex:07000000].stat.hist[3]", 31, 31, "31"),
    ("tasks[7].prio", 7, 7, "7"),
    ("tasks[7].stat", {"runs": 7000, "hist": [28, 29, 30, 31]}, {"runs": 7000, "hist": [28, 29, 30, 31]},
     "{runs = 7000, hist = [28, 29, 30, 31]}"),
    ("tasks[7].lo", 7, 7, "7"),
    ("pairs[hex:0300000009000000]", 103, 103, "103"),
    ("recent[4294967299]", 12884901897, 12884901897, "12884901897"),
    ("routes[hex:200000000a000005]", 105, 105, "105"),
    ("levels[#1].runs", 1000, 1000, "1000"),
    ("cpu_array[2][cpu=0].n", 2000, 2000, "2000"),
    ("cpu_hash[3][cpu=0]", 30, 30, "30"),
    ("sign", {"name": "SHAPE_BELOW", "value": -2}, -2, "SHAPE_BELOW (-2)"),
    ("shapes.data:pattern[4]", 8, 8, "8"),
    ("version", 42, 42, "42"),
]

# path, code, what the error says is there
MISSES = [
    ("tasks[7].com", "E_NOTFOUND", "it has: weight, cpu, state"),
    ("tasks[77777]", "E_NOTFOUND", "among its 100 entries; it has: "),
    ("pairs[hex:03]", "E_NOTFOUND", "no key 'hex:03' among its 16 entries; it has: hex:"),
    ("tasks[#100]", "E_NOTFOUND", "100 entries"),
    ("tasks[7].stat.hist[4]", "E_NOTFOUND", "which has 4 elements"),
    ("tasks[7].comm.x", "E_ARG", "name an element as [N]"),
    ("tasks[7].parent.comm", "E_ARG", "capture with chase"),
    ("cpu_array[2].n", "E_ARG", "narrow with a CPU first"),
    ("cpu_array[2][cpu=99999]", "E_NOTFOUND", "there are values of CPUs 0 to"),
    ("tasks", "E_ARG", "by its key, as tasks[KEY]"),
    ("tasks[7", "E_ARG", "'[' without ']'"),
    ("nr_nothing", "E_NOTFOUND", "there are: "),
    ("nothing[1]", "E_NOTFOUND", "maps: levels, tasks, recent"),
]


class Held:
    """The maps of shapes.bpf.o, loaded and filled, as long as the block runs; without BPF none."""

    def __enter__(self):
        self.process = subprocess.Popen([f"{TOP}/tests/bpf/hold", f"{TOP}/tests/bpf/shapes.bpf.o"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ids = {}
        for line in self.process.stdout:
            if line == "READY\n":
                return self
            kind, name, number = line.split()
            if kind == "map":
                self.ids[name] = int(number)
        self.ids = {}
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(WAIT_S)


def capture(broker, held):
    """The maps under the tag t0, once for all tests."""
    require("bpf", held.ids, "BPF cannot be used here")
    with broker.client() as c:
        if not c.call("has", {"tag": "t0"}):
            c.call("capture_snapshot", {"tag": "t0", "target": "live", "maps": [f"id:{i}" for i in held.ids.values()]})


def show(broker, *args):
    return subprocess.run([os.environ["KSNAP"], "show", "t0", "--endpoint", broker.ipc, *args],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=WAIT_S, check=False)


def shown(broker, *args):
    done = show(broker, *args)
    equal((done.returncode, done.stderr), (0, b""), f"show {args}")
    return done.stdout


@test("show PATH prints the value in every form")
def every_form(broker, held):
    capture(broker, held)
    for path, value, raw, text in HITS:
        equal(json.loads(shown(broker, path, "-o", "json")), value, path)
        equal(shown(broker, path, "-o", "jsonl").count(b"\n"), 1, f"{path}: lines")
        equal(json.loads(shown(broker, path, "-o", "jsonl")), value, path)
        equal(json.loads(shown(broker, path, "-o", "json", "--raw")), raw, f"{path} --raw")
        equal(shown(broker, path, "-o", "table").decode().rstrip("\n"), text, f"{path} as text")
        equal(unpack(shown(broker, path, "-o", "msgpack")), value, f"{path} as msgpack")


@test("show prints the whole in every form")
def whole_in_every_form(broker, held):
    capture(broker, held)
    for form in FORMS:
        for more in (), ("--raw",):
            out = shown(broker, "-o", form, *more)
            equal(len(out) > 1000, True, f"{form}: length")
            if form.startswith("json"):
                equal(sorted(m["name"] for m in json.loads(out)["maps"]), sorted(held.ids), "maps")


@test("a path that misses says what is there, on stderr, and exits 1 or 2")
def misses(broker, held):
    capture(broker, held)
    for path, code, words in MISSES:
        done = show(broker, path)
        equal((done.returncode != 0, done.stdout), (True, b""), path)
        equal(words in done.stderr.decode(), True, f"{path}: {done.stderr.decode()}")


@test("get as tree gives the same values")
def trees(broker, held):
    capture(broker, held)
    with broker.client() as c:
        for path, value, _, _ in HITS:
            equal(c.call("get", {"tag": "t0", "as": "tree", "path": path})["tree"], value, path)


@test("get as tree misses in the same words")
def tree_misses(broker, held):
    capture(broker, held)
    with broker.client() as c:
        for path, code, words in MISSES:
            refused = c.refusal("get", {"tag": "t0", "as": "tree", "path": path})
            check_refusal(refused)
            equal((refused.code, words in refused.msg), (code, True), f"{path}: {refused.msg}")


@test("a rendering that takes long keeps nobody else waiting")
def nobody_waits(broker, held):
    """The only worker of the target stands still in the middle of it, which is as long as it gets; the reply
    to a later ping comes first."""
    with broker.client() as slow, Client(broker.tcp) as quick:
        slow.call("capture_snapshot", {"tag": "big", "target": BIG})
        pids = [w["pid"] for w in slow.call("status")["workers"]]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            asked = slow.send("get", {"tag": "big", "as": "tree", "path": "map0[#0]"})
            quick.call("ping")
            pinged = slow.send("ping")
            first = slow.receive()[0].envelope
            equal(first["id"], pinged, "the first reply")
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        equal(slow.receive()[0].envelope["id"], asked, "the second reply")


@test("a whole that is too large for a frame is refused, and the broker goes on")
def too_large(broker, held):
    with broker.client() as c:
        c.call("capture_snapshot", {"tag": "big", "target": BIG})
        refused = c.refusal("get", {"tag": "big", "as": "tree"})
        check_refusal(refused)
        equal((refused.code, "MAX_CONTROL_FRAME" in refused.msg), ("E_LIMIT", True), refused.msg)
        c.call("ping")


with Held() as maps, Broker("live", BIG) as serving:
    sys.exit(run(serving, maps, on_failure=serving.tell))
