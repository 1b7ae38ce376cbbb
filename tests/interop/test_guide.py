# SPDX-License-Identifier: MIT
"""The programs in schemas/README.md, as they stand there: who asks, who follows, who works."""
import os
import re
import subprocess
import threading
import time

import zmq

from bus import CONTEXT, Late, WAIT_MS, left_ms, pack, unpack
from serve import Broker
from shapes import check
from tap import equal, run, test

REPORT = pack({"schema": "ksnap.report/1", "placeholder": False, "complete": True})
PAGE = os.path.join(os.environ["KSNAP_TOP_SRCDIR"], "schemas", "README.md")


class Guide(Broker):
    """A broker, and what the programs on the page have defined; they are run when their test comes."""

    def __init__(self):
        super().__init__()
        with open(PAGE) as f:
            self.programs = re.findall(r"```python\n(.*?)```", f.read(), re.DOTALL)
        self.first = self.programs[0]
        self.names = {"URL": self.ipc}

    def run_next(self):
        self.run(self.programs.pop(0), self.names)

    def run(self, program, names):
        exec(compile(program, PAGE, "exec"), names)

    def accepted(self):
        with self.client() as client:
            return client.call("status")["bridges"][0]["accepted"]


@test("ask: a capture, and a drain in parts")
def ask(guide):
    guide.run_next()
    ask = guide.names["ask"]
    list(ask("store_snapshot", blobs=[REPORT], tag="a"))
    list(ask("store_snapshot", blobs=[REPORT], tag="b"))
    rows = [(r.get("tag"), report) for r, report in ask("drain")]
    equal(rows, [("a", [REPORT]), ("b", [REPORT]), (None, [])])
    try:
        list(ask("get", tag="nowhere"))
    except RuntimeError as e:
        equal(str(e).split(":")[0], "E_NOTFOUND")
    else:
        raise AssertionError("it was not refused")


@test("follow: what was before, what comes, what came while nobody looked, and what is lost")
def follow(guide):
    guide.run_next()
    ask, follow = guide.names["ask"], guide.names["follow"]("snapshot/default")
    store = lambda tag: list(ask("store_snapshot", blobs=[REPORT], tag=tag))
    equal([next(follow)["seq"] for _ in range(3)], [1, 2, 3])
    store("c")
    equal([(h["seq"], h["tag"]) for h in [next(follow)]], [(4, "c")])
    for i in range(6000):  # more than a SUB keeps, and than the broker does
        store(f"n{i}")
    got, lost, n = [], 0, 0
    while n < 6004:
        h = next(follow)
        lost += h["n"] if h["k"] == "LOST" else 0
        n = n + h["n"] if h["k"] == "LOST" else h["seq"]
        got += [] if h["k"] == "LOST" else [h["seq"]]
    equal(got, sorted(set(got)), "in order, and none twice")
    equal(len(got) + lost, 6000)


def await_kind(door, kind, deadline, peer=None):
    """The routing id behind the next message of that kind; @peer hears beats of the broker all the time."""
    while time.monotonic() < deadline:
        if peer:
            door.send_multipart([peer, pack({"k": "beat"})])
        if not door.poll(min(50, left_ms(deadline))):
            continue
        peer, message = door.recv_multipart()
        if unpack(message)["k"] == kind:
            return peer
    raise Late(f"no {kind} came within {WAIT_MS} ms")


@test("work: it beats by the clock, also while messages keep coming")
def beats(guide):
    guide.run(guide.programs[0], guide.names)
    door, deadline = CONTEXT.socket(zmq.ROUTER), time.monotonic() + WAIT_MS / 1000
    door.linger = 0
    door.bind(f"ipc://{guide.dir}/door")
    worker = threading.Thread(target=guide.names["work"], args=(f"ipc://{guide.dir}/door", "mine", "python", lambda p: REPORT))
    worker.start()
    peer = await_kind(door, "join", deadline)
    try:
        for _ in range(3):
            await_kind(door, "beat", deadline, peer)
    finally:
        door.send_multipart([peer, pack({"k": "leave"})])
        worker.join()
        door.close()


@test("work: a capture by this very process, which can be shown; what it cannot do it refuses")
def work(guide):
    guide.run_next()
    ask, empty = guide.names["ask"], guide.names["empty"]
    hello, _ = next(ask("hello", client="a guide", kind="tool", pid=os.getpid()))
    threading.Thread(target=guide.names["work"], args=(hello["work"][0], "mine", "python", empty), daemon=True).start()
    next(h for h in guide.names["follow"]("worker") if h.get("worker") == "mine" and h["k"] == "joined")
    list(ask("capture_snapshot", tag="w", target="python"))
    (row, (report,)), = ask("get", tag="w")
    equal(row["complete"], True)
    check("report", unpack(report))
    said = subprocess.run([os.environ["KSNAP"], "-e", guide.ipc, "show", "w"], capture_output=True, text=True)
    equal((said.returncode, said.stderr), (0, ""))
    equal(next(ask("get", tag="w", **{"as": "tree"}))[0]["tree"]["target"]["name"], "python")
    try:
        list(ask("capture_cgroup_procs", tag="w", cgroup="/", target="python"))
    except RuntimeError as e:
        equal(str(e), "E_UNSUPPORTED: mine only captures")
    else:
        raise AssertionError("it was not refused")
    equal(guide.programs, [], "programs that were not run")


@test("ask: two runs of a program within a minute are two captures")
def twice(guide):
    before = guide.accepted()
    for n in 1, 2:
        names = {"URL": guide.ipc}
        guide.run(guide.first, names)
        list(names["ask"]("hello", client="a guide", kind="tool", pid=1))  # one client, as if it had come back
        list(names["ask"]("capture_snapshot", tag="again"))
        equal(guide.accepted(), before + 2 * n)


if __name__ == "__main__":
    with Guide() as guide:
        raise SystemExit(run(guide))
