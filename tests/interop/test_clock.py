# SPDX-License-Identifier: MIT
"""Somebody sets the date while the broker and its workers run, years back and forth: time stamps follow, and
nothing else notices. Deadlines, heartbeats, kept answers and numbers go on."""
import os
import shutil
import sys
import tempfile
import time

import reports
from bus import Live
from serve import Broker
from tap import equal, run, test

YEAR = 365 * 24 * 3600
JUMPS = (-20 * YEAR, 30 * YEAR, -1, 0)
LIBRARY = os.environ["KSNAP_TOP_BUILDDIR"] + "/tests/interop/shift_clock.so"


class Date:
    """What the processes of a broker take for the date."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="ksnap-clock-")
        self.path = f"{self.dir}/shift"
        self.set(0)
        self.env = {"LD_PRELOAD": LIBRARY, "KSNAP_CLOCK_SHIFT": self.path}

    def set(self, seconds):
        self.seconds = seconds
        with open(f"{self.path}.new", "w") as f:
            f.write(str(seconds))
        os.rename(f"{self.path}.new", self.path)

    def check(self, ts, what):
        """@ts may be what it was some minutes ago, for a machine that is slow."""
        off = ts / 1e9 - time.time() - self.seconds
        assert -300 < off < 300, f"{what}: the date is {off} s off"


def each_jump(date):
    for seconds in JUMPS:
        date.set(seconds)
        yield seconds


@test("stamps follow the date; numbers and the other clock go on")
def stamps(date, broker):
    with broker.client() as c, Live(broker.live, "snapshot/stamps", "event/stamps") as live:
        mono = seq = 0
        for _ in each_jump(date):
            pong = c.call("ping")
            date.check(pong["ts"], "ping")
            assert pong["mono"] > mono, "CLOCK_MONOTONIC went back"
            mono = pong["mono"]
            row = c.call("capture_snapshot", {"tag": "t"}, b="stamps")
            equal(row["seq"], seq + 1)
            seq = row["seq"]
            header = live.next(lambda h, seq=seq: h["ch"] == "snapshot/stamps" and h["seq"] == seq)
            date.check(header["ts"], "the live bus")
            date.check(c.call("list", b="stamps")[-1]["ts"], "list")
        events = c.call("drain_events", b="stamps")
        equal([e["seq"] for e in events], list(range(1, len(events) + 1)))
        equal([e["mono"] for e in events], sorted(e["mono"] for e in events))


@test("a deadline that runs when the date is set ends when it should, neither at once nor never")
def deadlines(date, broker):
    with Broker(args=("--workers", "none"), env=date.env) as idle, idle.client() as c:
        for seconds in JUMPS:
            before = c.call("ping")["mono"]
            c.send("capture_snapshot", {"tag": "t"}, t=1000)
            date.set(seconds)
            reply, = c.receive()
            equal(reply.envelope["e"]["code"], "E_TIMEOUT")
            assert c.call("ping")["mono"] - before >= 1000e6, "at once"


@test("nobody is taken for silent: who owns something keeps it, workers stay, answers are kept")
def heartbeats(date, broker):
    with broker.client() as c:
        c.call("hello", {"client": "owner", "kind": "tool"})
        watch = c.call("watch_snapshot", {"symbol": "map0"}, b="owned")["watch"]
        c.send("store_snapshot", {"tag": "once"}, [reports.head()], b="owned", id="kept")
        first = c.receive()[0].r
        for _ in each_jump(date):
            with Live(broker.live, "beat") as live:
                live.next(lambda h: h["k"] == "beat")  # and one more, of its timer
                live.next(lambda h: h["k"] == "beat")
            c.send("store_snapshot", {"tag": "once"}, [reports.head()], b="owned", id="kept")
            equal(c.receive()[0].r, first, "the same answer again")
            equal([row["watch"] for row in c.call("list_watches", b="owned")], [watch])
            row = c.call("status")
            equal([t["workers"] for t in row["targets"] if t["name"].startswith("fixture")], [1])
        equal([e["k"] for e in c.call("drain_events", b="owned") if e["k"] in ("session_lost", "worker_lost")], [])


@test("what is kept on disk is read whatever its dates are")
def kept(date, broker):
    folder = f"{date.dir}/kept"
    with Broker(args=("--workers", "none", "--state", folder), env=date.env) as first, first.client() as c:
        for seconds in each_jump(date):
            c.call("store_snapshot", {"tag": f"t{seconds}"}, [reports.head()])
        rows = c.call("list")
        first.process.kill()
        first.process.wait()
    date.set(-YEAR)
    with Broker(args=("--workers", "none", "--state", folder), env=date.env) as again, again.client() as c:
        equal(c.call("list"), rows)
        equal(c.call("store_snapshot", {"tag": "next"}, [reports.head()])["seq"], len(JUMPS) + 1)


def main():
    if os.environ.get("SANITIZER", "no") != "no":
        print("1..0 # SKIP a sanitizer has to be the first library")
        return 0
    date = Date()
    try:
        with Broker("fixture:maps=2,entries=3", env=date.env) as broker:
            with broker.client() as c:
                date.check(c.call("ping")["ts"], "at first")
            return run(date, broker, on_failure=broker.tell)
    finally:
        shutil.rmtree(date.dir, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
