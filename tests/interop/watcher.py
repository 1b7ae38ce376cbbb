# SPDX-License-Identifier: MIT
"""A capture worker that arms watches and fires when a test says so, and a stage for it."""
import itertools

import reports
from bus import Live
from shapes import check, check_header, check_refusal, check_reply
from tap import equal
from worker import Worker

REPORT = reports.head(maps=[])
numbers = itertools.count(1)


def fresh():
    """Names of a worker and of a target, which names a bridge too, that no other test uses."""
    n = next(numbers)
    return f"watcher{n}", f"watched{n}"


def hit(n, suppressed=0, **more):
    return {"n": n, "addr": 0xffff888000001000, "len": 8, "old": (n - 1).to_bytes(8, "little"),
            "new": n.to_bytes(8, "little"), "pid": 812, "tid": 813, "comm": "writer", "cpu": 1, "cgroup": 1,
            "mono": 10**9 + n, "regs": {"rip": 0xffffffff81000010, "rsp": 1}, "suppressed": suppressed,
            "stack": [{"addr": 0xffffffff81000010, "sym": "do_write+0x10"}, {"addr": 0xffffffff81000020}], **more}


class Watcher(Worker):
    """A worker that arms what it is asked to, and fires when the test says so. A capture is answered by the
    test unless @captures."""

    def __init__(self, url, name, target, captures=True, jobs=(), **more):
        self.armed = {}
        table = {"watch_snapshot": self.arm, "unwatch": self.unwatch}
        if captures:
            table["capture_snapshot"] = lambda p, blobs: (reports.captured(2), REPORT)
        super().__init__(url, name, target, {**table, **dict(jobs)}, **more)

    def arm(self, p, blobs):
        self.armed[p["id"]] = p["symbol"]
        return {"addr": 0xffff888000001000, "len": p.get("len", 8), "slot": len(self.armed)}, None

    def unwatch(self, p, blobs):
        check("work_unwatch", p)
        del self.armed[p["id"]]
        return {"hits": 1000, "suppressed": 980}, None

    def fire(self, id, n, hits=None, suppressed=0, **more):
        self.send({"k": "fired", "watch": id, "n": n, "mono": 10**9 + n, "hit": hit(n, suppressed),
                   "hits": n if hits is None else hits, "suppressed": suppressed} | more)

    def tell_watched(self, id, state, hits=0, suppressed=0, **more):
        self.send({"k": "watched", "watch": id, "state": state, "hits": hits, "suppressed": suppressed, **more})

    def job(self, op):
        """The next job of this op; others are passed over, but for captures."""
        while True:
            message = self.wait("job")
            if message["op"] == op:
                return message


class Stage:
    """A broker's client, a bridge of its own, a watcher, and what the live bus tells of the bridge."""

    def __init__(self, broker, **more):
        self.broker = broker
        self.name, self.target = fresh()
        self.c = broker.client()
        self.live = Live(broker.live, f"watch/{self.target}", f"event/{self.target}", f"snapshot/{self.target}")
        self.w = Watcher(broker.work, self.name, self.target, **more)

    def __enter__(self):
        self.call("hello", {"client": self.name, "kind": "executor"})
        return self

    def __exit__(self, *_):
        self.w.close()
        self.c.close()
        self.live.socket.close()

    def call(self, op, p=None, **more):
        return self.c.call(op, p, b=self.target, **more)

    def refusal(self, op, p=None, **more):
        refused = self.c.refusal(op, p, b=self.target, **more)
        check_refusal(refused)
        return refused

    def watch(self, symbol, client=None, **p):
        params = {"symbol": symbol, "target": self.target, **p}
        check("watch_snapshot_params", params)
        part = (client or self.c).part("watch_snapshot", params, b=self.target)
        check_reply("watch_snapshot", [part])
        return part.r["watch"]

    def rows(self):
        part = self.c.part("list_watches", b=self.target)
        check_reply("list_watches", [part])
        return part.r

    def next(self, k):
        """The next message of this kind about the bridge; its header fits the schema."""
        header = self.live.next(lambda h: h["k"] == k)
        check_header(header, {"hit": "live_hit", "over": "live_over", "captured": "live_captured"}.get(k, f"event_{k}"))
        return header

    def totals(self):
        """(reason, exact, hits, suppressed, missed) of the next watch that is over."""
        over = self.next("over")
        return tuple(over[key] for key in ("reason", "exact", "hits", "suppressed", "missed"))

    def held(self):
        return next(row for row in self.c.call("status")["bridges"] if row["name"] == self.target)["watches"]

    def all_slots_are_free(self):
        """Three fit and not four: then the same three go again."""
        equal(self.held(), 0, "slots held")
        ids = [self.watch(f"free{i}") for i in range(3)]
        equal(self.refusal("watch_snapshot", {"symbol": "free3", "target": self.target}).code, "E_LIMIT")
        for id in ids:
            self.call("unwatch", {"watch": id})
        equal(self.held(), 0, "slots held")
