# SPDX-License-Identifier: MIT
"""ksnap serve --state DIR: what was answered is there again after kill -9, whatever was going on; a folder
that ended within a record is cut, one that is damaged is refused, and a full disk is no end of service."""
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

import reports
from bus import Late
from serve import Broker
from shapes import check
from tap import comment, equal, require, run, test

SEED = int(os.environ.get("KSNAP_STATE_SEED") or random.SystemRandom().randrange(1 << 32))
COUNTS = ("stored", "bytes", "accepted", "evicted", "overwritten", "drained", "refused", "unavailable", "events_kept",
          "events_raised", "events_dropped")


@contextlib.contextmanager
def folder():
    path = tempfile.mkdtemp(prefix="ksnap-state-")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def life(path, *args, kill=True):
    """A broker on that folder; it ends by SIGKILL when @kill, else in good order. Its sockets are in a place of
    their own: what a client of the one before did not get rid of must not come to this one."""
    with Broker("fixture", args=("--workers", "none", "--state", f"{path}/kept", *args), dir=tempfile.mkdtemp(dir=path)) as broker:
        with broker.client() as c:
            yield broker, c
        if kill and broker.process.returncode is None:
            broker.process.kill()
            broker.process.wait()


def refused(path, *args):
    """What ksnap serve says when it does not begin to serve."""
    p = subprocess.run([os.environ["KSNAP"], "serve", "--bind", f"ipc://{path}/other", "--bind-live",
                        f"ipc://{path}/other-live", "--bind-work", f"ipc://{path}/other-work", "--workers", "none",
                        "--target", "fixture", *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert p.returncode not in (0, -signal.SIGSEGV, -signal.SIGABRT), p
    return p.stderr


def padded(n):
    """A report of some more than @n bytes."""
    return reports.head(pad=random.Random(n).randbytes(n))


def store(c, tag, b=None, blob=None, **params):
    return c.call("store_snapshot", {"tag": tag, **params}, [blob or reports.head(tag=tag)], b=b)


def tags(c, b=None):
    return [row["tag"] for row in c.call("list", b=b)]


def books(c):
    """All that must come back: rows, reports, counts, limits, by bridge."""
    status = c.call("status")
    got = {}
    for row in status["bridges"]:
        b = row["name"]
        entries = c.call("list", b=b)
        got[b] = {key: row[key] for key in COUNTS}, row["limits"], entries, [
            (part.r, part.blobs) for part in (c.part("get", {"tag": e["tag"]}, b=b) for e in entries)]
    return status["epoch"], got


def segments(path):
    return sorted(name for name in os.listdir(f"{path}/kept") if name.endswith(".seg"))


def flip(file, at):
    with open(file, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 0x55]))


@test("after kill -9 all is there again: snapshots in order, what stood beside them, events, counts, limits")
def comes_back():
    with folder() as path:
        with life(path) as (_, c):
            c.call("open_bridge", {"limits": {"snapshots": 3, "events": 2}}, b="small")
            for i in range(6):
                store(c, f"t{i}", "small")
            store(c, "plain")
            store(c, "full", step=3, elapsed_ms=1500, boundary_ms=1400, stats={"a": [1, None, "x"]})
            store(c, "plain", stats_reason="cancelled", blob=reports.head(complete=False, placeholder=True))
            before = books(c)
            left = c.call("event_count", b="small")
        with life(path) as (_, c):
            after = books(c)
            assert after[0] != before[0], "the epoch is another one"
            equal(after[1], before[1])
            got = c.call("drain_events", b="small")
            equal([e["k"] for e in got], ["eviction"] * 2 + ["event_log_truncated"])
            equal([e["seq"] for e in got], [2, 3, 0])
            equal(got[1]["evicted_tag"], "t2")
            equal(left, 2)
            row = store(c, "next")
            equal(row["seq"], 4, "insertion numbers go on")
            parts = c.parts("drain")
            equal([p.r["tag"] for p in parts[:-1]], ["full", "plain", "next"])
            equal(parts[0].r["stats"], {"a": [1, None, "x"]})
            equal(parts[1].r["stats_reason"], "cancelled")
        with life(path, kill=False) as (_, c):
            equal(tags(c), [])
            equal(c.call("drain_events", b="small"), [], "what was drained stays drained")
            equal(tags(c, "small"), ["t3", "t4", "t5"])
            equal(c.call("status")["bridges"][1]["drained"], 3)


@test("a bridge that was closed stays closed, and one of its name begins anew")
def closed():
    with folder() as path:
        with life(path) as (_, c):
            store(c, "a", "x")
            c.call("close_bridge", b="x")
        with life(path) as (_, c):
            equal([row["name"] for row in c.call("status")["bridges"]], [])
            equal(store(c, "b", "x")["seq"], 1)
        with life(path) as (_, c):
            equal(tags(c, "x"), ["b"])


class Writer(threading.Thread):
    """Stores as fast as it goes until the broker is gone; @answered: the tags that were."""

    def __init__(self, broker, first, enough):
        super().__init__()
        self.broker, self.next, self.enough = broker, first, enough
        self.answered, self.sent = [], first
        self.ready = threading.Event()
        self.start()

    def run(self):
        with self.broker.client() as c:
            waiting = []
            try:
                while True:
                    while len(waiting) < 16:
                        size = 977 * (self.sent % 40)
                        c.send("store_snapshot", {"tag": f"t{self.sent}"}, [padded(size)])
                        waiting.append(self.sent)
                        self.sent += 1
                    reply, = c.receive(500)
                    assert reply.envelope["ok"], reply.envelope
                    self.answered.append(waiting.pop(0))
                    if len(self.answered) >= self.enough:
                        self.ready.set()
            except Late:
                self.ready.set()


def kill_while_storing(sync, rounds, rng):
    with folder() as path:
        last, total = -1, 0
        for _ in range(rounds):
            with life(path, "--state-sync", sync, "--max-snapshots", "32") as (broker, c):
                there = [int(tag[1:]) for tag in tags(c)]
                if there:
                    assert there[-1] >= last, f"{last} was answered, newest is {there[-1]}"
                    equal(there, list(range(there[-1] - len(there) + 1, there[-1] + 1)), "no hole")
                    equal(len(there), min(32, there[-1] + 1))
                    row = c.call("status")["bridges"][0]
                    equal(row["accepted"], there[-1] + 1)
                    equal(row["evicted"], row["accepted"] - len(there))
                writer = Writer(broker, there[-1] + 1 if there else 0, rng.randrange(1, 400))
                assert writer.ready.wait(60)
                broker.process.kill()
                broker.process.wait()
                writer.join()
                last = writer.answered[-1] if writer.answered else last
                total += len(writer.answered)
        comment(f"{rounds} times with --state-sync {sync}, {total} answers")


@test("kill -9 in the middle of storing: all that was answered is there, in order and without a hole")
def kills():
    comment(f"KSNAP_STATE_SEED={SEED}")
    rng = random.Random(SEED)
    for sync in "second", "no", "always":
        kill_while_storing(sync, int(os.environ.get("KSNAP_STATE_ROUNDS") or 5), rng)


class Model:
    """What a bridge has to have after some operations, in a few lines."""
    CAP, EVENTS = 5, 6

    def __init__(self):
        self.tags, self.accepted, self.evicted, self.overwritten, self.drained, self.raised, self.events = [], 0, 0, 0, 0, 0, []

    def copy(self):
        other = Model()
        other.__dict__.update({key: list(v) if isinstance(v, list) else v for key, v in self.__dict__.items()})
        return other

    def tell(self, *event):
        self.raised += 1
        self.events = (self.events + [(self.raised, *event)])[-self.EVENTS:]

    def do(self, op, tag):
        if op == "store_snapshot":
            self.accepted += 1
            if tag in self.tags:
                self.tags.remove(tag)
                self.overwritten += 1
                self.tell("overwrite", tag)
            if len(self.tags) == self.CAP:
                self.evicted += 1
                self.tell("eviction", self.tags.pop(0))
            self.tags.append(tag)
        elif op == "drain":
            self.drained += len(self.tags)
            self.tags = []
        elif op == "drain_events":
            self.events = []
        elif op == "close_bridge":
            self.__init__()

    def seen(self):
        return (self.tags, self.accepted, self.evicted, self.overwritten, self.drained, self.raised,
                [event[0] for event in self.events])


def seen(c):
    """The same of the broker; events by their numbers, read from what is live."""
    rows = [row for row in c.call("status")["bridges"] if row["name"] == "model"]
    if not rows:
        return Model().seen()
    row = rows[0]
    raised, kept = row["events_raised"], row["events_kept"]
    return (tags(c, "model"), row["accepted"], row["evicted"], row["overwritten"], row["drained"], raised,
            list(range(raised - kept + 1, raised + 1)))


def operations(rng):
    while True:
        op = rng.choices(("store_snapshot", "drain", "drain_events", "close_bridge"), (20, 2, 2, 1))[0]
        yield op, f"t{rng.randrange(9)}", reports.head(n=rng.randrange(1 << 30))


def send(c, op, tag, blob):
    stores = op == "store_snapshot"
    c.send(op, {"tag": tag} if stores else {}, [blob] if stores else [], b="model")


def kill_within(broker, c, rng, model, ops):
    """Some operations with their answers, and one with which the broker dies, at any moment of it. Two models:
    without that one and with it."""
    for _ in range(rng.randrange(0, 30)):
        op, tag, blob = next(ops)
        send(c, op, tag, blob)
        c.receive()
        model.do(op, tag)
    op, tag, blob = next(ops)
    send(c, op, tag, blob)
    for _ in range(rng.choice((0, 0, 100, 1000, 5000, 20000))):
        pass
    broker.process.kill()
    broker.process.wait()
    after = model.copy()
    after.do(op, tag)
    return model, after


@test("kill -9 within any operation: it is done or it is not, and everything before it is")
def any_moment():
    rng = random.Random(SEED)
    done = [0, 0]
    with folder() as path:
        models, ops = (Model(), Model()), operations(rng)
        for _ in range(int(os.environ.get("KSNAP_STATE_ROUNDS") or 5) * 4):
            with life(path, "--max-snapshots", str(Model.CAP), "--max-events", str(Model.EVENTS)) as (broker, c):
                got = seen(c)
                which = [i for i, m in enumerate(models) if m.seen() == got]
                assert which, f"{got}, neither {models[0].seen()} nor {models[1].seen()}"
                done[which[-1]] += 1
                models = kill_within(broker, c, rng, models[which[-1]], ops)
    comment(f"not done {done[0]} times, done {done[1]} times")


@test("files stay within twice what is stored and four segments, an old snapshot among many new ones too")
def bounded():
    with folder() as path:
        with life(path) as (_, c):
            store(c, "old", "quiet", padded(100000))
            blob = padded(1 << 20)
            for i in range(150):
                store(c, f"t{i}", blob=blob)
                if i % 30 == 0:
                    store(c, f"also{i}", "quiet")
            c.parts("drain")
            store(c, "last", blob=blob)
            bound = 2 * (1 << 20) + 2 * 120000 + 4 * (8 << 20)
            while c.call("status")["state"]["bytes"] > bound:
                pass  # it ends when all is on disk, or with the test's patience
        with life(path) as (_, c):
            equal(tags(c), ["last"])
            equal(tags(c, "quiet"), ["old"] + [f"also{i}" for i in range(0, 150, 30)])
            equal(c.part("get", {"tag": "old"}, b="quiet").blobs, [padded(100000)])


@test("what is behind the last whole record is cut, and an event and a line say so")
def torn():
    with folder() as path:
        with life(path) as (_, c):
            for i in range(5):
                store(c, f"t{i}")
            before = books(c)[1]
        name = segments(path)[-1]
        size = os.path.getsize(f"{path}/kept/{name}")
        with open(f"{path}/kept/{name}", "ab") as f:
            f.write(b"KBAT and what was not written")
        with life(path) as (broker, c):
            equal(books(c)[1]["default"][2:], before["default"][2:])
            cut, = [e for e in c.call("drain_events") if e["k"] == "state_cut"]
            check("event_state_cut", cut)
            equal((cut["file"], cut["offset"], cut["bytes"]), (name, size, 29))
            assert any(f"{name} ended within a record" in line for line in broker.said), list(broker.said)
        with life(path, kill=False) as (_, c):
            equal(c.call("drain_events"), [])
            equal(tags(c), [f"t{i}" for i in range(5)])


@test("a file that is empty is removed, and called so")
def empty():
    with folder() as path:
        with life(path) as (_, c):
            store(c, "a")
        name = f"{int(segments(path)[-1].split('.')[0]) + 1:010d}.seg"
        with open(f"{path}/kept/{name}", "wb"):
            pass
        with life(path) as (broker, c):
            equal(tags(c), ["a"])
            cut, = [e for e in c.call("drain_events") if e["k"] == "state_cut"]
            equal((cut["file"], cut["offset"], cut["bytes"]), (name, 0, 0))
            said = [line for line in broker.said if name in line]
            assert len(said) == 1 and f"{name} is empty: removed" in said[0], list(broker.said)


@test("a folder with more bridges than may be open is refused: how many, where, and the switch")
def many():
    with folder() as path:
        with life(path) as (_, c):
            for name in "abc":
                store(c, "t", name)
        said = refused(path, "--state", f"{path}/kept", "--max-bridges", "2")
        for words in f"{path}/kept keeps 3 bridges", "2 may be open", "--max-bridges N":
            assert words in said, said
        with life(path, "--max-bridges", "3") as (_, c):
            equal(tags(c, "c"), ["t"])


@test("damage is refused, and the refusal names file and place and says what to do; the folder stays as it is")
def damaged():
    with folder() as path:
        with life(path) as (_, c):
            for i in range(20):
                store(c, f"t{i}", blob=padded(5000))
        name = segments(path)[0]
        file = f"{path}/kept/{name}"
        flip(file, 32000)
        said = refused(path, "--state", f"{path}/kept")
        assert name in said and "damaged at byte" in said and "truncate" in said, said
        equal(refused(path, "--state", f"{path}/kept"), said)
        at = int(said.split("damaged at byte ")[1].split()[0])
        assert at <= 32000 < at + 6000, said
        os.truncate(file, at)
        with life(path) as (_, c):
            kept = tags(c)
            equal(kept, [f"t{i}" for i in range(len(kept))])
            assert 3 <= len(kept) <= 6, kept


@test("a file that is missing is noticed")
def missing():
    with folder() as path:
        with life(path) as (_, c):
            store(c, "a")
        with life(path) as (_, c):
            store(c, "b")
        os.unlink(f"{path}/kept/{segments(path)[0]}")
        said = refused(path, "--state", f"{path}/kept")
        assert "a file is missing" in said and "bridge default" in said, said


@test("a second broker on the folder is refused, with the number of the process that has it")
def second():
    with folder() as path:
        with life(path) as (broker, _):
            said = refused(path, "--state", f"{path}/kept")
            assert "in use by another broker" in said and f"process {broker.process.pid}" in said, said
        said = refused(path, "--state-sync", "always")
        assert "--state DIR" in said, said
        said = refused(path, "--state", f"{path}/no/such/folder")
        assert "cannot make the folder" in said, said


@test("with lower limits the oldest leave, with an event each")
def lower():
    with folder() as path:
        with life(path) as (_, c):
            for i in range(8):
                store(c, f"t{i}", blob=padded(1000))
        with life(path, "--max-snapshots", "3") as (_, c):
            equal(tags(c), ["t5", "t6", "t7"])
            equal([e["evicted_tag"] for e in c.call("drain_events")], [f"t{i}" for i in range(5)])
        with life(path, "--max-bytes", "2500") as (_, c):
            equal(tags(c), ["t6", "t7"])
            equal(c.call("status")["bridges"][0]["evicted"], 6)
        with life(path, "--max-bytes", "500") as (_, c):
            equal(tags(c), [])
        with life(path) as (_, c):
            equal(tags(c), [])
            store(c, "a", "b1"), store(c, "a", "b2")
        said = refused(path, "--state", f"{path}/kept", "--max-bridges", "2")
        assert "--max-bridges" in said, said


@contextlib.contextmanager
def small_disk(path, size):
    require("root", os.geteuid() == 0, "mounting a small disk needs root")
    os.mkdir(f"{path}/disk")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", f"{path}/disk"]).returncode:
        require("root", False, "mounting a tmpfs is not allowed here")
    try:
        yield f"{path}/disk"
    finally:
        subprocess.run(["umount", "-l", f"{path}/disk"], check=True)


def wait_event(c, kind):
    """All events up to one of that kind."""
    got = []
    while not any(e["k"] == kind for e in got):
        got += c.call("drain_events")
    return got


@test("on a full disk the broker goes on from memory, says that it is behind, and catches up when there is room")
def full_disk():
    with folder() as path, small_disk(path, "4m") as disk:
        args = ("--state", f"{disk}/kept")
        with life(path, *args) as (_, c):
            blob = padded(300000)
            for i in range(30):
                store(c, f"t{i}", blob=blob)
            got = wait_event(c, "state_behind")
            check("event_state_behind", got[-1])
            assert "No space left" in got[-1]["reason"], got
            row = c.call("status")["state"]
            assert row["behind"] and "No space left" in row["reason"], row
            equal(len(tags(c)), 30)
            c.parts("drain")
            store(c, "after", blob=blob)
            caught = wait_event(c, "state_caught_up")
            check("event_state_caught_up", [e for e in caught if e["k"] == "state_caught_up"][0])
            equal(c.call("status")["state"]["behind"], False)
        with life(path, *args) as (_, c):
            equal(tags(c), ["after"])


@test("status tells where, how and how much; without --state it tells nothing of it")
def told():
    with folder() as path:
        with life(path, "--state-sync", "always") as (broker, c):
            store(c, "a")
            row = c.call("status")["state"]
            equal((row["folder"], row["sync"], row["files"], row["behind"]), (f"{path}/kept", "always", 1, False))
            equal(row["bytes"], os.path.getsize(f"{path}/kept/{segments(path)[0]}"))
            text = subprocess.run([os.environ["KSNAP"], "-e", broker.ipc, "status", "-o", "prometheus"], text=True,
                                  stdout=subprocess.PIPE, check=True, timeout=60).stdout
            assert f"ksnap_state_bytes {row['bytes']}\n" in text and "ksnap_state_behind 0\n" in text, text
            equal(os.stat(f"{path}/kept").st_mode & 0o777, 0o700)
            equal(os.stat(f"{path}/kept/{segments(path)[0]}").st_mode & 0o777, 0o600)
    with Broker("fixture", args=("--workers", "none")) as broker, broker.client() as c:
        assert "state" not in c.call("status")


if __name__ == "__main__":
    sys.exit(run())
