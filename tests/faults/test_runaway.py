# SPDX-License-Identifier: MIT
"""Four executors that capture as fast as it goes, on one bridge, two workers of one target, eight monitors:
the load is shared, and every book is exact.

KSNAP_RUNAWAY_SECONDS: how long (4)."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:1] = [HERE, os.path.join(HERE, "..", "interop")]

import memory  # noqa: E402
from bus import Client  # noqa: E402
from tap import comment, equal, run, test  # noqa: E402
from tape import WAIT_S, Tape, until  # noqa: E402

KSNAP = os.environ["KSNAP"]
SECONDS = float(os.environ.get("KSNAP_RUNAWAY_SECONDS", "4"))
TARGET = "fixture:maps=4,entries=64"
EXECUTORS, MONITORS, WORKERS = 4, 8, ("one", "two")
LEAST_SHARE = 0.2  # of a worker, when the machine has other things to do

SCENARIO = """local ksnap = require "ksnap"
local told = 0
return ksnap.scenario { name = "runaway " .. arg[1], duration = arg[2] .. "s",
  ksnap.loop { every = "1us", function(i, run)
    ksnap.assert(run.bridge:capture_snapshot(arg[1] .. "_" .. i))
    told = told + 1
  end },
  check = function() print("captured " .. told) end,
}
"""


class World:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="ksnap-runaway-")
        self.url = f"ipc://{self.dir}/control"
        self.processes = []
        self.broker = self.start("serve", "--bind", self.url, "--workers", "none", "--target", TARGET, err="said")
        with Client(self.url) as c:
            self.first_rss = c.call("status")["rss_bytes"]
        for name in WORKERS:
            self.start("worker", "--connect", f"ipc://{self.dir}/work", "--target", TARGET, "--name", name)
        with Client(self.url) as c:
            until(self.broker, "both workers have joined",
                  lambda: sorted(w["name"] for w in c.call("status")["workers"]) == sorted(WORKERS))
        self.tapes = {}
        self.monitors = {}
        for i in range(MONITORS):
            self.monitors[i] = self.start("-q", "-e", self.url, "monitor", "--from", "oldest", "-o", "jsonl", out=f"monitor{i}")
            self.tapes[i] = Tape(f"{self.dir}/monitor{i}")
        self.captured = []

    def start(self, *words, out="words", err="words"):
        with open(f"{self.dir}/{out}", "ab") as to, open(f"{self.dir}/{err}", "ab") as said:
            p = subprocess.Popen([KSNAP, *words], stdin=subprocess.DEVNULL, stdout=to, stderr=said)
        self.processes.append(p)
        return p

    def status(self):
        with Client(self.url) as c:
            return c.call("status")

    def end(self):
        for p in self.processes:
            p.kill()
            p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


@test("four executors capture as fast as it goes, and say how often")
def rage(world):
    script = f"{world.dir}/runaway.lua"
    with open(script, "w") as f:
        f.write(SCENARIO)
    executors = [subprocess.Popen([KSNAP, "-e", world.url, "run", script, "--", f"x{i}", f"{SECONDS:g}"], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, text=True) for i in range(EXECUTORS)]
    world.processes += executors
    for p in executors:
        out, _ = p.communicate(timeout=SECONDS + 2 * WAIT_S)
        equal(p.returncode, 0, out)
        world.captured.append(int(re.search(r"captured (\d+)", out).group(1)))
    comment(f"captured: {world.captured}")
    assert all(world.captured), world.captured


@test("what executors were told is what is accepted, what workers did, and stored or evicted")
def books(world):
    status = world.status()
    b, = [b for b in status["bridges"] if b["name"] == "default"]
    total = sum(world.captured)
    equal(b["accepted"], total, "accepted")
    equal(b["accepted"], b["stored"] + b["evicted"] + b["overwritten"] + b["drained"], "where they are")
    equal((b["stored"], b["overwritten"], b["drained"]), (min(total, b["limits"]["snapshots"]), 0, 0), "the newest are kept")
    equal(sum(w["jobs"] for w in status["workers"]), total, "jobs of the workers")
    equal(b["events_raised"], b["evicted"], "an event for each that left")
    equal(b["events_kept"] + b["events_dropped"], b["events_raised"], "events are kept or counted")


@test("the two workers share the load")
def share(world):
    jobs = {w["name"]: w["jobs"] for w in world.status()["workers"]}
    comment(f"jobs: {jobs}")
    equal(sorted(jobs), sorted(WORKERS))
    assert min(jobs.values()) >= LEAST_SHARE * sum(jobs.values()), jobs


@test("each monitor has every number, or was told how many it lost")
def monitors(world):
    published = {row["channel"]: row["published"] for row in world.status()["channels"] if row["published"]}
    equal(published["snapshot/default"], sum(world.captured), "published")
    wanted = {ch: n for ch, n in published.items() if not ch.startswith("report/")}
    until(world.broker, "each monitor has it all",
          lambda: all(t.read().last.get(ch, 0) >= n for t in world.tapes.values() for ch, n in wanted.items()))
    for i, p in world.monitors.items():
        p.send_signal(signal.SIGINT)
        equal(p.wait(WAIT_S), 0, f"monitor {i} ended")
        comment(f"monitor {i}: {world.tapes[i].read().n} messages, {world.tapes[i].lost} told as lost")


@test("nothing waits, memory is what is stored")
def rest(world):
    s = world.status()
    equal([t["queued"] for t in s["targets"]], [0])
    memory.is_what_is_stored(s, world.first_rss)


@test("all end well")
def leave(world):
    world.broker.send_signal(signal.SIGTERM)
    equal(world.broker.wait(WAIT_S), 0, "the broker ended")
    for p in world.processes:
        equal(p.wait(WAIT_S), 0, f"{p.args[1:4]} ended")


def main():
    comment(f"KSNAP_RUNAWAY_SECONDS={SECONDS:g}")
    world = World()
    try:
        return run(world, on_failure=lambda: comment(json.dumps(world.status(), default=str)[:4000]))
    finally:
        world.end()


if __name__ == "__main__":
    sys.exit(main())
