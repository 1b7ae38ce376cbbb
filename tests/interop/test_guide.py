# SPDX-License-Identifier: MIT
"""The programs in schemas/README.md, as they stand there: who asks, who follows, who works."""
import os
import re
import threading

import msgpack

from bus import pack, unpack
from serve import Broker
from tap import equal, run, test

REPORT = pack({"schema": "ksnap.report/1", "placeholder": False, "complete": True})
PAGE = os.path.join(os.environ["KSNAP_TOP_SRCDIR"], "schemas", "README.md")


class Guide(Broker):
    """A broker, and what the programs on the page have defined; they are run when their test comes."""

    def __init__(self):
        super().__init__()
        with open(PAGE) as f:
            self.programs = re.findall(r"```python\n(.*?)```", f.read(), re.DOTALL)
        self.names = {"URL": self.ipc}

    def run_next(self):
        exec(compile(self.programs.pop(0), PAGE, "exec"), self.names)


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


@test("work: a capture by this very process; what it cannot do it refuses")
def work(guide):
    guide.run_next()
    ask = guide.names["ask"]
    hello, _ = next(ask("hello", client="a guide", kind="tool"))
    threading.Thread(target=guide.names["work"], args=(hello["work"][0], "mine", "python", lambda p: REPORT), daemon=True).start()
    next(h for h in guide.names["follow"]("worker") if h.get("worker") == "mine" and h["k"] == "joined")
    list(ask("capture_snapshot", tag="w", target="python"))
    equal([report for _, report in ask("get", tag="w")], [[REPORT]])
    try:
        list(ask("capture_cgroup_procs", tag="w", cgroup="/", target="python"))
    except RuntimeError as e:
        equal(str(e), "E_UNSUPPORTED: mine only captures")
    else:
        raise AssertionError("it was not refused")
    equal(guide.programs, [], "programs that were not run")


if __name__ == "__main__":
    with Guide() as guide:
        raise SystemExit(run(guide))
