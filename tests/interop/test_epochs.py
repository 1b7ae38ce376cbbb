# SPDX-License-Identifier: MIT
"""A broker dies and another one serves in its place: what somebody still says in the numbers of the first life is
executed anew, refused or counted, and never taken for a word about the second. And what a monitor does when a
message, or an answer, has the epoch of another life."""
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading

import zmq

import reports
from bus import CONTEXT, Live, open_socket, pack, receive, unpack
from serve import Broker
from shapes import check_refusal
from tap import equal, run, test
from watcher import Watcher
from worker import Worker

KSNAP = os.environ["KSNAP"]
NOBODY = ("--workers", "none")
HEAD = reports.head()


class Lives(contextlib.ExitStack):
    """Brokers in one folder, one after the other; each ends by SIGKILL."""

    def __init__(self):
        super().__init__()
        self.dir = tempfile.mkdtemp(prefix="ksnap-epochs-")
        self.callback(shutil.rmtree, self.dir, ignore_errors=True)
        self.begin()

    def begin(self):
        self.broker = self.enter_context(Broker(args=NOBODY, dir=self.dir))
        with self.broker.client() as c:
            self.epoch = c.call("status")["epoch"]

    def next(self, *clients):
        """Another one serves, and these clients, connected to the last, have reached it."""
        self.broker.process.kill()
        self.broker.process.wait()
        last = self.epoch
        self.begin()
        assert self.epoch != last, "two lives with one epoch"
        for c in clients:
            reach(c)


def reach(c):
    """libzmq connects again by itself, and what it had given to the dead connection is lost: ask until there is an
    answer, then read up to that of the last question."""
    id = c.send("ping")
    while not c.socket.poll(1000):
        id = c.send("ping")
    while c.receive()[0].envelope["id"] != id:
        pass


def dropped(c, what):
    return {row["what"]: row["n"] for row in c.call("status")["dropped"]}.get(what, 0)


@test("a request says nothing of epochs: one that names one, right or wrong, is refused, and nothing is done")
def named():
    with Lives() as lives, lives.broker.client() as c:
        last = lives.epoch
        lives.next(c)
        for epoch in last, lives.epoch, lives.epoch ^ 1, 0, 2**64 - 1, -1, None, "", [lives.epoch]:
            c.send_raw(pack({"v": 1, "id": f"envelope {epoch}", "op": "store_snapshot", "p": {"tag": "t"}, "epoch": epoch}), HEAD)
            e = c.receive()[0].envelope
            equal((e["ok"], e["id"], e["e"]["code"]), (False, f"envelope {epoch}", "E_PROTO"))
            assert "epoch" in e["e"]["msg"], e
            for op, p, blobs in (("store_snapshot", {"tag": "t"}, [HEAD]), ("hello", {"client": "c", "kind": "tool"}, []),
                                 ("replay", {"channel": "event/default", "from": 1}, []), ("ping", {}, [])):
                refused = c.refusal(op, {**p, "epoch": epoch}, blobs)
                check_refusal(refused)
                equal(refused.code, "E_ARG")
                assert "epoch" in refused.msg, refused
        equal(c.call("list"), [])


@test("answers of the last life are not given in this one: an id that had one names a request that is done now")
def ids():
    with Lives() as lives, lives.broker.client(identity=b"same") as c:
        hello = {"client": "same", "kind": "executor", "pid": 7}
        equal(c.call("hello", hello, id="hello")["epoch"], lives.epoch)
        equal(c.call("store_snapshot", {"tag": "old"}, [HEAD], id="store")["seq"], 1)
        equal([row["tag"] for row in c.call("list", id="list")], ["old"])
        equal(c.part("get", {"tag": "old"}, id="get").blobs, [HEAD])
        lives.next(c)
        equal(c.call("hello", hello, id="hello")["epoch"], lives.epoch)
        equal(c.call("list", id="list"), [])
        equal(c.refusal("get", {"tag": "old"}, id="get").code, "E_NOTFOUND")
        equal(c.call("store_snapshot", {"tag": "new"}, [HEAD], id="store")["seq"], 1)
        equal([row["tag"] for row in c.call("list")], ["new"])


@test("numbers of the last life name nothing on the live bus: a replay from there is empty, and says where the end is")
def positions():
    with Lives() as lives, lives.broker.client() as c:
        for i in range(5):
            c.call("store_snapshot", {"tag": f"t{i}"}, [HEAD])
        equal(len(c.parts("replay", {"channel": "snapshot/default", "from": 4})), 3)
        lives.next(c)
        for stored in 0, 1:
            for channel, last in ("snapshot/default", stored), ("worker", 0), ("event/default", 0):
                part = c.part("replay", {"channel": channel, "from": 4})
                equal(part.r, {"first": last + 1, "last": last, "lost": 0}, channel)
            c.call("store_snapshot", {"tag": "again"}, [HEAD])
        with Live(lives.broker.live, "snapshot/") as live:
            c.call("store_snapshot", {"tag": "third"}, [HEAD])
            header = live.next(lambda h: h["k"] == "captured")
            equal((header["epoch"], header["seq"]), (lives.epoch, 3))


@test("what was owned is gone: its number and its name are nobody's, and who held it is told to leave")
def owned():
    jobs = {"attach_object": lambda p, blobs: ({"maps": [1], "progs": [2]}, None)}
    with Lives() as lives, lives.broker.client() as c, Watcher(lives.broker.work, "w", "py", jobs=jobs) as w:
        c.call("hello", {"client": "owner", "kind": "executor"})
        watch = c.call("watch_snapshot", {"symbol": "s", "target": "py"})["watch"]
        c.call("attach_object", {"name": "probe", "target": "py"}, [b"\x7fELF"])
        lives.next(c)
        w.wait("leave")
        equal(c.call("list_watches"), [])
        for op, p in (("unwatch", {"watch": watch}), ("unwatch", {"symbol": "s"}), ("detach_object", {"name": "probe"}),
                      ("thaw", {"cgroup": "/frozen"})):
            refused = c.refusal(op, p)
            check_refusal(refused)
            equal(refused.code, "E_NOTFOUND", op)
        equal(c.call("bye")["released"], [])
        equal(c.refusal("wait_accessor", {"target": "py"}).code, "E_NOTFOUND")


def join_again(w):
    """Under the same routing id, as somebody who did not notice would."""
    w.wait("leave")
    w.send(w.join_message())
    w.wait("welcome")
    while not w.got.empty():
        w.got.get()


@test("an answer to a job of the last life is not taken for one to a job of this life")
def jobs():
    with Lives() as lives, lives.broker.client() as c, Worker(lives.broker.work, "w", "py") as w:
        c.send("capture_snapshot", {"tag": "old", "target": "py"})
        old = w.wait("job")["job"]
        lives.next(c)
        join_again(w)
        id = c.send("capture_snapshot", {"tag": "new", "target": "py"})
        new = w.wait("job")["job"]
        w.done(old, reports.captured(9), blob=reports.head(of="the last life"))
        w.done(new, reports.captured(5), blob=HEAD)
        part, = c.receive()
        equal((part.envelope["id"], part.envelope["ok"]), (id, True))
        equal((part.r["tag"], part.r["maps"]), ("new", 5))
        equal(c.part("get", {"tag": "new"}).blobs, [HEAD])
        equal([row["tag"] for row in c.call("list")], ["new"])
        equal(dropped(c, "late_result"), 1)


@test("hits of a watch of the last life are counted, and told to nobody")
def hits():
    with Lives() as lives, lives.broker.client() as c, Watcher(lives.broker.work, "w", "py") as w:
        watch = c.call("watch_snapshot", {"symbol": "s", "target": "py"})["watch"]
        lives.next(c)
        join_again(w)
        with Live(lives.broker.live, "watch/", "event/", "snapshot/") as live:
            w.fire(watch, 1)
            w.tell_watched(watch, "disarmed", hits=1, reason="hot")
            while dropped(c, "late_hit") < 2:
                pass
            c.call("store_snapshot", {"tag": "end"}, [HEAD])
            equal([h["k"] for _, h, _ in live.upto(lambda h: h["k"] == "captured")], ["captured"])
        equal(c.call("list_watches"), [])


# ---- the other way round: what comes to a monitor ------------------------------------------------------------

CHANNEL = "snapshot/default"


class Fake:
    """Just so much of a broker that `ksnap monitor` follows it. Everything has the epoch that a test says."""

    def __init__(self, dir):
        self.url, self.live = f"ipc://{dir}/control", f"ipc://{dir}/live"
        self.control, self.bus = CONTEXT.socket(zmq.ROUTER), CONTEXT.socket(zmq.XPUB)
        self.inbox, self.outbox = CONTEXT.socket(zmq.PAIR), CONTEXT.socket(zmq.PAIR)
        self.sockets = self.control, self.bus, self.inbox
        for s in self.sockets + (self.outbox,):
            s.linger = 0
        self.bus.setsockopt(zmq.XPUB_VERBOSE, 1)
        self.control.bind(self.url)
        self.bus.bind(self.live)
        self.inbox.bind(f"inproc://{dir}")
        self.outbox.connect(f"inproc://{dir}")
        self.epoch, self.last = 7, 0
        self.replayed = []  # (epoch, number) of what a replay answers, whatever was asked for
        self.asked = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def close(self):
        self.outbox.send(b"")
        self.thread.join()
        self.outbox.close()

    def header(self, epoch, ch, seq, k, **more):
        return {"v": 1, "epoch": epoch, "ch": ch, "seq": seq, "ts": 1, "k": k, **more}

    def captured(self, epoch, seq):
        return self.header(epoch, CHANNEL, seq, "captured", tag=f"e{epoch}", stored_seq=seq, bytes=1, complete=True,
                           placeholder=False)

    def publish(self, epoch, seq):
        self.outbox.send_multipart([CHANNEL.encode(), pack(self.captured(epoch, seq))])

    def beat(self, epoch, last):
        header = self.header(epoch, "beat", 0, "beat", last={CHANNEL: last} if last else {})
        self.outbox.send_multipart([b"beat", pack(header)])

    # ---- what follows runs in its thread

    def hello(self):
        return {"api": 1, "epoch": self.epoch, "version": "0.1.0", "heartbeat_ms": 1000, "live": [self.live], "work": [],
                "rights": ["observe"], "limits": {}, "bridge_limits": {"snapshots": 1, "bytes": 1, "events": 1, "watches": 1}}

    def answer(self, to, id, r, more=False):
        envelope = {"v": 1, "id": id, "ok": True, "r": r}
        self.control.send_multipart([*to, pack({**envelope, "more": True} if more else envelope)])

    def request(self, frames):
        *to, envelope = frames
        envelope = unpack(envelope)
        if envelope["op"] == "hello":
            self.answer(to, envelope["id"], self.hello())
        elif envelope["op"] == "replay":
            self.asked.append(envelope["p"]["from"])
            for epoch, seq in self.replayed:
                self.answer(to, envelope["id"], {"header": self.captured(epoch, seq)}, more=True)
            self.answer(to, envelope["id"], {"first": 1, "last": 9, "lost": 0})
        else:
            self.answer(to, envelope["id"], {})

    def serve(self):
        poller = zmq.Poller()
        for s in self.sockets:
            poller.register(s, zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if self.control in ready:
                self.request(self.control.recv_multipart())
            if self.bus in ready and self.bus.recv()[:1] == b"\x01":
                self.bus.send_multipart([b"beat", pack(self.header(self.epoch, "beat", 0, "beat", last={}))])
            if self.inbox in ready:
                frames = self.inbox.recv_multipart()
                if frames == [b""]:
                    break
                self.bus.send_multipart(frames)
        for s in self.sockets:
            s.close()


@contextlib.contextmanager
def followed():
    """A fake broker and a reader of what a monitor of it prints."""
    dir = tempfile.mkdtemp(prefix="ksnap-epochs-")
    fake = Fake(dir)
    monitor = subprocess.Popen([KSNAP, "-e", fake.url, "monitor", "--from", "oldest", "--channel", CHANNEL, "-o", "jsonl"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert "connected" in monitor.stderr.readline()
        yield fake, monitor
    finally:
        monitor.kill()
        monitor.communicate()
        fake.close()
        shutil.rmtree(dir, ignore_errors=True)


def printed(monitor, n):
    """The next @n lines, in short."""
    got = []
    for _ in range(n):
        m = json.loads(monitor.stdout.readline())
        got.append({"message": lambda m: (m["epoch"], m["seq"]), "epoch": lambda m: f"epoch {m['epoch']}",
                    "lost": lambda m: f"lost {m['first']}-{m['last']} of {m['epoch']}"}[m["type"]](m))
    return got


@test("a monitor takes a message of another epoch for a new life, says so once, and what came before for nothing of it")
def other_epoch():
    with followed() as (fake, monitor):
        fake.publish(7, 1)
        fake.publish(7, 2)
        fake.publish(8, 1)
        fake.publish(8, 2)
        fake.publish(8, 2)  # it has that
        fake.publish(8, 3)
        equal(printed(monitor, 6), [(7, 1), (7, 2), "epoch 8", (8, 1), (8, 2), (8, 3)])


@test("headers of the wrong epoch in the answer to a replay fill no hole: it is told as lost")
def wrong_replay():
    with followed() as (fake, monitor):
        fake.publish(7, 1)
        equal(printed(monitor, 1), [(7, 1)])
        fake.replayed = [(6, 2), (8, 3), (2**64 - 1, 4)]
        fake.publish(7, 5)
        equal(printed(monitor, 2), ["lost 2-4 of 7", (7, 5)])
        fake.replayed = [(6, 6), (7, 7), (8, 8)]
        fake.publish(7, 9)
        equal(printed(monitor, 4), ["lost 6-6 of 7", (7, 7), "lost 8-8 of 7", (7, 9)])
        equal(fake.asked, [2, 6])


@test("a beat of another epoch begins a new life, too, whose numbers all are asked for")
def wrong_beat():
    with followed() as (fake, monitor):
        fake.publish(7, 1)
        equal(printed(monitor, 1), [(7, 1)])
        fake.replayed = [(8, 1), (8, 2)]
        fake.beat(8, 2)
        equal(printed(monitor, 3), ["epoch 8", (8, 1), (8, 2)])
        equal(fake.asked, [1])


@test("two brokers that speak on one bus, in turns: each change is told, nothing is told twice within a life, and it goes on")
def in_turns():
    with followed() as (fake, monitor):
        fake.publish(7, 1)
        want = [(7, 1)]
        for epoch in 8, 7, 0, 2**53 - 1, 8:
            fake.publish(epoch, 1)
            fake.publish(epoch, 1)
            want += [f"epoch {epoch}", (epoch, 1)]
        equal(printed(monitor, len(want)), want)
        equal(monitor.poll(), None)


if __name__ == "__main__":
    sys.exit(run())
