# SPDX-License-Identifier: MIT
"""Kills, stops and cuts in the middle of everything, at random, and then the books: every request had its
answer, no number is missing without a word, what was accepted is somewhere, and nothing is left behind.

KSNAP_FAULTS_STATE=1: the broker keeps a folder (--state), and its books go on over its kills;
KSNAP_FAULTS_SECONDS: how long (40); KSNAP_FAULTS_PER_S: how many faults a second (4; 0: none, the books
alone); KSNAP_FAULTS_MONITORS: how many follow (4); KSNAP_FAULTS_SEED: as printed by a run, to have its
faults again."""
import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:1] = [HERE, os.path.join(HERE, "..", "interop")]

import memory  # noqa: E402
from bus import Client  # noqa: E402
from cutter import Cutter  # noqa: E402
from kept import Kept, numbers_given  # noqa: E402
from tap import comment, equal, run, test, tests  # noqa: E402
from tape import WAIT_S, Tape, until  # noqa: E402

SECONDS = float(os.environ.get("KSNAP_FAULTS_SECONDS", "40"))
SEED = os.environ.get("KSNAP_FAULTS_SEED") or str(random.SystemRandom().randrange(1 << 32))
KSNAP = os.environ["KSNAP"]
TARGETS = ["fixture:maps=2,entries=10,hits=20", "fixture:maps=1,entries=4"]
PER_S = float(os.environ.get("KSNAP_FAULTS_PER_S", "4"))
STATE = os.environ.get("KSNAP_FAULTS_STATE") == "1"
KILL_BROKER = 3 if STATE else 1
EXECUTORS, MONITORS = 4, int(os.environ.get("KSNAP_FAULTS_MONITORS", "4"))
UNREACHABLE = 5  # how a program ends that finds no broker


def untold(status):
    """Snapshots accepted by each bridge in earlier lives of the broker: those that this one did not publish."""
    published = {row["channel"]: row["published"] for row in status["channels"]}
    return {b["name"]: b["accepted"] - published.get(f"snapshot/{b['name']}", 0) for b in status["bridges"]}


class World:
    """A folder with a broker, its workers, executors and monitors; all know the folder by their words."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="ksnap-faults-")
        self.url, self.random = f"ipc://{self.dir}/control", random.Random(SEED)
        self.executors, self.monitors, self.tapes, self.stopped, self.did = {}, {}, {}, [], {}
        self.made, self.kills_before = 0, {}
        self.kept = Kept(f"{self.dir}/kept", self.random) if STATE else None
        self.start_broker()
        self.cutter = Cutter(f"{self.dir}/control")
        for _ in range(EXECUTORS):
            self.start_executor()
        for _ in range(MONITORS):
            self.start_monitor()

    # ---- who is there ----

    def start_broker(self):
        command = [KSNAP, "serve", "--bind", self.url]
        for target in TARGETS:
            command += ["--target", target]
        if self.kept:
            command += ["--state", self.kept.path]
        with open(f"{self.dir}/said", "ab") as said:
            self.broker = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
        with Client(self.url) as c:
            status = c.call("status")
            self.first_rss, self.untold = status["rss_bytes"], untold(status)
            if self.kept:
                self.kept.look(c)
                self.kept.change(c)

    def name(self, kind):
        self.made += 1
        return f"{kind}{self.made}"

    def start_executor(self):
        """Every other one comes by the way that is cut."""
        name = self.name("executor")
        url = self.url if self.made % 2 else self.cutter.url
        command = [sys.executable, f"{HERE}/peer.py", url, name, SEED, self.dir]
        self.executors[name] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path[:2])})

    def start_monitor(self):
        name = self.name("monitor")
        with open(f"{self.dir}/{name}", "wb") as out:
            self.monitors[name] = subprocess.Popen([KSNAP, "-q", "-e", self.url, "--timeout", str(WAIT_S * 1000),
                                                    "monitor", "--from", "oldest", "-o", "jsonl"],
                                                   stdout=out)
        self.tapes[name] = Tape(f"{self.dir}/{name}")
        self.kills_before[name] = self.did.get("kill broker", 0)

    def look_after_monitors(self):
        """None ends by itself, but one that was starting when the broker was killed: it finds nobody, says so
        and ends, and another takes its place."""
        for name, process in list(self.monitors.items()):
            code = process.poll()
            if code is None:
                continue
            equal(code, UNREACHABLE, f"{name} ended")
            assert self.did.get("kill broker", 0) > self.kills_before[name], f"{name} found no broker, and none was killed"
            equal(self.tapes.pop(name).read().n, 0, f"{name} ended after it had found a broker")
            del self.monitors[name]
            self.did["monitor too early"] = self.did.get("monitor too early", 0) + 1
            self.start_monitor()

    def processes(self, *words):
        """Ids of those whose command line names our folder and these words."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    line = f.read().decode(errors="replace").split("\0")
            except OSError:
                continue
            if any(self.dir in word for word in line) and all(word in line for word in words):
                found.append(int(pid))
        return sorted(found)

    # ---- faults ----

    def signal(self, pid, sig):
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            pass

    def stop_awhile(self, pid):
        self.signal(pid, signal.SIGSTOP)
        self.stopped.append((time.monotonic() + self.random.choice((0.1, 0.5, 1, 6)), pid))

    def go_on(self, everyone=False):
        for at, pid in list(self.stopped):
            if everyone or at < time.monotonic():
                self.stopped.remove((at, pid))
                self.signal(pid, signal.SIGCONT)

    def kill(self, table, start):
        name = self.random.choice(sorted(table))
        process = table.pop(name)
        process.kill()
        process.communicate()
        start()
        return name

    def kill_monitor(self):
        """What it printed until then is right, too."""
        tape = self.tapes.pop(self.kill(self.monitors, self.start_monitor))
        os.unlink(tape.read().path)

    def kill_broker(self):
        self.broker.kill()
        self.broker.wait()
        self.go_on(everyone=True)
        if self.kept:
            self.kept.tear()
        self.start_broker()

    def fault(self):
        faults = {
            "kill worker": lambda: [self.signal(p, signal.SIGKILL) for p in self.processes("worker")[:1]],
            "stop worker": lambda: [self.stop_awhile(p) for p in self.processes("worker")[:1]],
            "kill executor": lambda: self.kill(self.executors, self.start_executor),
            "stop executor": lambda: self.stop_awhile(self.random.choice(list(self.executors.values())).pid),
            "kill monitor": self.kill_monitor,
            "stop monitor": lambda: self.stop_awhile(self.random.choice(list(self.monitors.values())).pid),
            "stop broker": lambda: self.stop_awhile(self.broker.pid),
            "kill broker": self.kill_broker,
            "cut": self.cutter.cut,
        }
        what = self.random.choices(list(faults), (4, 3, 2, 3, 2, 3, 2, KILL_BROKER, 4))[0]
        self.did[what] = self.did.get(what, 0) + 1
        faults[what]()

    def watch_executors(self, seconds):
        """They say nothing before they are told to end."""
        early, _, _ = select.select([p.stdout for p in self.executors.values()], [], [], seconds)
        equal(early, [], "executors that ended by themselves")

    def rage(self):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            self.watch_executors(self.random.uniform(0, 2 / PER_S) if PER_S else 0.1)
            self.go_on()
            if PER_S:
                self.fault()
            self.look_after_monitors()
            for tape in self.tapes.values():
                tape.read()
        self.go_on(everyone=True)

    # ---- the end ----

    def end(self):
        for process in [*self.executors.values(), *self.monitors.values(), self.broker]:
            if process.poll() is None:
                self.signal(process.pid, signal.SIGCONT)
                process.kill()
            process.communicate()
        self.cutter.close()
        shutil.rmtree(self.dir, ignore_errors=True)


@test("rage")
def rage(world):
    world.rage()
    comment(", ".join(f"{what}: {n}" for what, n in sorted(world.did.items())))


@test("every request of those who live had its answer")
def answers(world):
    for process in world.executors.values():
        process.stdin.close()
        process.stdin = None
    for name, process in world.executors.items():
        out, _ = process.communicate(timeout=2 * WAIT_S)
        equal(process.returncode, 0, f"{name} ended")
        verdict = json.loads(out)
        comment(json.dumps(verdict))
        equal(verdict["wrong"], [], name)
        equal(verdict["last"], "ok", f"{name}: the ping after all faults")


@test("no number is missing without a word, to the last one")
def numbers(world):
    with Client(world.url) as c:
        published = {row["channel"]: row["published"] for row in c.call("status")["channels"] if row["published"]}
    wanted = {ch: n for ch, n in published.items() if not ch.startswith("report/")}
    assert any(ch.startswith("snapshot/") for ch in wanted) or "kill broker" in world.did, wanted

    def all_is_told():
        world.look_after_monitors()
        return all(tape.read().last.get(ch, 0) >= n for tape in world.tapes.values() for ch, n in wanted.items())

    until(world.broker, "each monitor has it all", all_is_told)
    for name, process in world.monitors.items():
        tape = world.tapes[name]
        process.send_signal(signal.SIGINT)
        equal(process.wait(WAIT_S), 0, f"{name} ended")
        comment(f"{name}: {tape.read().n} messages, {tape.lives} restarts seen, {tape.lost} told as lost")


@test("what was accepted is stored, evicted, overwritten or drained")
def books(world):
    with Client(world.url) as c:
        status = c.call("status")
    for b in status["bridges"]:
        comment(f"{b['name']}: {b['accepted']} accepted")
        equal(b["accepted"], b["stored"] + b["evicted"] + b["overwritten"] + b["drained"], b["name"])
        equal(untold(status)[b["name"]], world.untold.get(b["name"], 0), f"{b['name']}: told of each")
        assert b["stored"] <= b["limits"]["snapshots"] and b["bytes"] <= b["limits"]["bytes"], b
        assert b["events_kept"] <= b["limits"]["events"], b


@test("nothing waits, nothing is owned, memory is what is stored")
def rest(world):
    with Client(world.url) as c:
        def at_rest():
            s = c.call("status")
            return not any(t["queued"] for t in s["targets"]) and all(t["workers"] for t in s["targets"]) \
                and sum(row["in_flight"] for row in s["sessions"]) == 1 and not any(row["owns"] for row in s["sessions"])
        until(world.broker, "the broker is at rest", at_rest)
        s = c.call("status")
        equal(sum(b["watches"] for b in s["bridges"]), 0)
        memory.is_what_is_stored(s, world.first_rss)


@test("it ends well and leaves no process and no socket")
def leave(world):
    world.broker.send_signal(signal.SIGTERM)
    equal(world.broker.wait(WAIT_S), 0, "the broker ended")
    end = time.monotonic() + WAIT_S
    while world.processes():
        assert time.monotonic() < end, world.processes()
    left = [name for name in os.listdir(world.dir) if socket_at(f"{world.dir}/{name}")]
    equal(left, [], "sockets left")


def told_again(world):
    """Number by number, what executors were told: none twice, and none that the broker does not know of."""
    got = numbers_given(world.dir)
    with Client(world.url) as c:
        row, = [b for b in c.call("status")["bridges"] if b["name"] == "faults"]
        events = [e["seq"] for e in c.call("drain_events", b="faults") if e["seq"]]
        rows = c.call("list", b="faults")
    comment(f"{len(got['stored'])} stored, {len(got['drained'])} drained, {len(got['event'])} events drained, {len(events)} left")
    for what, numbers, last in (("stored", got["stored"], row["accepted"]), ("drained", got["drained"], row["accepted"]),
                                ("event", got["event"] + events, row["events_raised"])):
        equal(len(set(numbers)), len(numbers), f"{what}: each number once")
        assert all(n <= last for n in numbers), f"{what}: {max(numbers)} was given, {last} is the last"
    equal(set(got["drained"]) & {r["seq"] for r in rows}, set(), "drained, and there again")
    equal(events, list(range(row["events_raised"] - len(events) + 1, row["events_raised"] + 1)), "events left")


def there_again(world):
    """Nobody works any more: all books are the same in the next life."""
    with Client(world.url) as c:
        before = [(b["name"], {k: v for k, v in b.items() if k != "watches"}, c.call("list", b=b["name"]))
                  for b in c.call("status")["bridges"]]
    world.broker.kill()
    world.broker.wait()
    world.start_broker()
    with Client(world.url) as c:
        status = c.call("status")
        after = [(b["name"], {k: v for k, v in b.items() if k != "watches"}, c.call("list", b=b["name"])) for b in status["bridges"]]
    others = [[b for b in books if b[0] != "kept"] for books in (after, before)]  # that one has changed meanwhile
    equal(*others)
    comment(world.kept.summary())
    assert world.kept.torn == 0 or world.kept.cut, "a torn file was never told of"


if STATE:
    tests.insert(-1, ("numbers are given once over all lives, and what was drained stays drained", told_again))
    tests.insert(-1, ("after one more kill all of it is there", there_again))


def socket_at(path):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0 or os.stat(path).st_mode & 0o170000 == 0o140000


def main():
    comment(f"KSNAP_FAULTS_SEED={SEED} KSNAP_FAULTS_SECONDS={SECONDS:g} KSNAP_FAULTS_STATE={STATE:d}")
    world = World()
    try:
        return run(world, on_failure=lambda: comment(open(f"{world.dir}/said", errors="replace").read()[-4000:]))
    finally:
        world.end()


if __name__ == "__main__":
    sys.exit(main())
