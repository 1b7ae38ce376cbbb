# SPDX-License-Identifier: MIT
"""Real workers apart from their broker: over tcp with keys, through a link that breaks, in a network
namespace, killed, stopped and continued around their jobs. Each request has one answer, whatever dies."""
import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

import reports
from bus import Live, left_ms
from keys import Keys
from serve import Broker
from tap import equal, require, run, test
from worker import Worker

KSNAP = os.environ["KSNAP"]
FIXTURE = "fixture:maps=1,entries=5"
SLOW = "fixture:maps=1,entries=5,latency_ms=5"
names = (f"far-{n}" for n in itertools.count(1))


class Process:
    """`ksnap worker`, started again when it dies, until told to stop."""

    def __init__(self, url, target=FIXTURE, name=None, keys=(), within=(), args=()):
        self.name = name or next(names)
        self.command = [*within, KSNAP, "worker", "--connect", url, "--target", target, "--name", self.name, *args]
        self.env = {**os.environ, **dict(zip(("KSNAP_SERVER_KEY", "KSNAP_KEY"), keys))}
        self.start()

    def start(self, stderr=subprocess.DEVNULL):
        self.process = subprocess.Popen(self.command, env=self.env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=stderr, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sig in signal.SIGCONT, signal.SIGTERM:
            self.process.send_signal(sig)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Telling(Process):
    """What it says is read."""

    def start(self):
        super().start(subprocess.PIPE)

    def ended(self):
        """(exit status, words), once it has ended by itself."""
        said = self.process.communicate(timeout=30)[1]
        return self.process.returncode, said

    def __exit__(self, *_):
        super().__exit__()
        self.process.stderr.close()


class Relay:
    """A tcp link to @url that can be cut: all its connections at once."""

    def __init__(self, url):
        self.to = (url.split("://")[1].split(":")[0], int(url.rsplit(":", 1)[1]))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.lock, self.open = threading.Lock(), []
        self.up = threading.Event()  # new connections get through
        self.up.set()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                self.up.wait()
                far = socket.create_connection(self.to)
            except OSError:
                return
            with self.lock:
                self.open += [near, far]
            for a, b in (near, far), (far, near):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    def pump(self, a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        self.end([a, b])

    def end(self, sockets):
        for s in sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        with self.lock:
            now, self.open = self.open, []
        self.end(now)

    def close(self):
        self.listener.close()
        self.up.set()
        self.cut()


def joined(c, name):
    """Until a worker of this name is there."""
    deadline = time.monotonic() + 30
    while not any(row["name"] == name for row in c.call("status")["workers"]):
        assert time.monotonic() < deadline, f"{name} did not join"


def busy(c, name):
    """Until the worker of this name has a job."""
    deadline = time.monotonic() + 30
    while not any((row["name"], row["state"]) == (name, "busy") for row in c.call("status")["workers"]):
        assert time.monotonic() < deadline, f"{name} is not busy"


def answers(c, ids, got, n, t_ms):
    """Receive @n answers more into @got. A second one, or one that nobody asked for, is a failure."""
    deadline = time.monotonic() + t_ms / 1000 + 60
    for _ in range(n):
        part, = c.receive(left_ms(deadline))
        id = part.envelope["id"]
        assert id in ids and id not in got, f"{id} was answered twice, or was never asked"
        got[id] = part.envelope


def books(c, b, got):
    """What was said to be stored is stored, and nothing else; what failed says why."""
    ok = [e for e in got.values() if e["ok"]]
    codes = {e["e"]["code"] for e in got.values() if not e["ok"]}
    assert codes <= {"E_WORKER_LOST", "E_TIMEOUT", "E_BUSY"}, codes
    row, = [row for row in c.call("status")["bridges"] if row["name"] == b]
    equal(row["accepted"], len(ok))
    equal(sorted(e["r"]["seq"] for e in ok), list(range(1, len(ok) + 1)))
    return len(ok)


def storm(broker, b, trouble, n=200, t=2000):
    """@n captures, 20 at a time. @trouble does something to a worker when some of them are answered; none is left
    unanswered. How many went well."""
    with broker.client() as c:
        ids, got = set(), {}
        for begin in range(0, n, 20):
            ids |= {c.send("capture_snapshot", {"tag": f"t{begin + i}", "target": SLOW}, b=b, t=t) for i in range(20)}
            answers(c, ids, got, random.randrange(0 if begin else 1, 11), t)
            trouble()
            if begin % 40:
                answers(c, ids, got, len(ids) - len(got), t)
        answers(c, ids, got, len(ids) - len(got), t)
        c.call("ping")
        assert not c.socket.poll(0), "there are more answers than requests"
        ok = books(c, b, got)
        assert ok > 0, "nothing at all went well"
        return ok


@test("captures go to the workers of the target they name")
def by_target(broker):
    other = "fixture:maps=3,entries=1"
    with Process(broker.work, FIXTURE) as a, Process(broker.work, other) as b, broker.client() as c:
        joined(c, a.name)
        joined(c, b.name)
        for target, maps in (FIXTURE, 1), (other, 3), (FIXTURE, 1):
            equal(c.call("capture_snapshot", {"tag": "t", "target": target})["maps"], maps)
        told = {row["name"]: row["jobs"] for row in c.call("status")["workers"]}
        equal((told[a.name], told[b.name]), (2, 1))


@test("several workers of one target share its jobs evenly")
def share(broker):
    with Process(broker.work, SLOW) as a, Process(broker.work, SLOW) as b, Process(broker.work, SLOW) as d, \
            broker.client() as c:
        for w in a, b, d:
            joined(c, w.name)
        for i in range(30):
            c.call("capture_snapshot", {"tag": "t", "target": SLOW}, b="share")
        jobs = {row["name"]: row["jobs"] for row in c.call("status")["workers"]}
        equal([jobs[w.name] for w in (a, b, d)], [10, 10, 10])


@test("SIGKILL of workers around their jobs: each request has one answer, the books are exact")
def killed(broker):
    with Process(broker.work, SLOW) as a, Process(broker.work, SLOW) as b, broker.client() as c:
        for w in a, b:
            joined(c, w.name)

        def kill():
            w = random.choice((a, b))
            w.process.kill()
            w.process.wait()
            w.start()
        storm(broker, "killed", kill)


@test("SIGSTOP and SIGCONT of workers around their jobs: the same")
def stopped(broker):
    with Process(broker.work, SLOW) as a, Process(broker.work, SLOW) as b, broker.client() as c:
        for w in a, b:
            joined(c, w.name)
        stopped = []

        def stop():
            for w in stopped:
                w.process.send_signal(signal.SIGCONT)
            stopped[:] = [random.choice((a, b))]
            stopped[0].process.send_signal(signal.SIGSTOP)
        storm(broker, "stopped", stop, n=120, t=1000)


@test("a tcp link that is cut around jobs, with keys: the same, and with --rejoin the worker goes on over a new one")
def cut(broker):
    relay = Relay(broker.tcp_work)
    with Process(relay.url, SLOW, keys=broker.worker_keys, args=("--rejoin",)) as a, broker.client() as c:
        joined(c, a.name)
        storm(broker, "cut", relay.cut, n=120)
        joined(c, a.name)
        c.call("capture_snapshot", {"tag": "after", "target": SLOW}, b="cut")
        equal(a.process.poll(), None)
    relay.close()


HOUR_MS = 3600000
HANGS = f"fixture:maps=1,entries=5,latency_ms={HOUR_MS}"


@test("a busy worker that is killed is lost when its connection is, not at its job's deadline: ipc and tcp")
def killed_busy(broker):
    for url in broker.work, broker.tcp_work:
        with Process(url, HANGS, keys=broker.worker_keys) as w, broker.client() as c, \
                Live(broker.live, "worker") as live:
            joined(c, w.name)
            id = c.send("capture_snapshot", {"tag": "t", "target": HANGS}, b="busy", t=HOUR_MS)
            with broker.client() as other:
                busy(other, w.name)
            w.process.kill()
            part, = c.receive()
            equal((part.envelope["id"], part.envelope["e"]["code"]), (id, "E_WORKER_LOST"))
            lost = live.next(lambda h: h["k"] == "lost" and h["worker"] == w.name)
            equal(lost["reason"], "not connected for 10 heartbeats")


@test("a tcp link that breaks for two beats in mid-job costs nothing: the job is answered, the worker stays")
def short_cut(broker):
    relay, name = Relay(broker.tcp_work), next(names)
    with Worker(relay.url, name, "held", keys=broker.keys.of("worker")) as w, broker.client() as c, \
            Live(broker.live, "worker") as live:
        id = c.send("capture_snapshot", {"tag": "t", "target": "held"}, b="held", t=HOUR_MS)
        job = w.wait("job")["job"]
        relay.up.clear()
        relay.cut()
        for _ in range(2):
            live.next(lambda h: h["k"] == "beat")
        relay.up.set()
        w.done(job, reports.captured(), blob=reports.head(maps=[]))
        part, = c.receive()
        equal((part.envelope["id"], part.envelope["ok"]), (id, True))
        with broker.client() as other:
            equal([row["jobs"] for row in other.call("status")["workers"] if row["name"] == name], [1])
    relay.close()


@test("two processes of one name, even with --rejoin: the first goes on, the second ends and says why")
def two_of_a_name(broker):
    for target in FIXTURE, HANGS:
        with Process(broker.work, target, args=("--rejoin",)) as first, broker.client() as c:
            joined(c, first.name)
            if target == HANGS:
                c.send("capture_snapshot", {"tag": "t", "target": HANGS}, b="two", t=HOUR_MS)
            with broker.client() as other:
                if target == HANGS:
                    busy(other, first.name)
                with Telling(broker.work, target, first.name, args=("--rejoin",)) as second:
                    status, said = second.ended()
                    equal((status, "a worker that is alive has its name" in said), (1, True), said)
                equal([row["pid"] for row in other.call("status")["workers"] if row["name"] == first.name],
                      [first.process.pid])
            equal(first.process.poll(), None)


@test("a worker that was lost and wakes says so and ends with an error; with --rejoin it joins again")
def woken(broker):
    targets = [f"fixture:maps=1,entries={n}" for n in (11, 12)]
    with Telling(broker.work, targets[0]) as w, Process(broker.work, targets[1], args=("--rejoin",)) as again, \
            broker.client() as c, Live(broker.live, "worker") as live:
        left = {w.name, again.name}
        for p, target in zip((w, again), targets):
            joined(c, p.name)
            # One that is stopped before it has read its welcome joins once more when it wakes.
            c.call("capture_snapshot", {"tag": "t", "target": target})
            p.process.send_signal(signal.SIGSTOP)
        while left:
            left -= {live.next(lambda h: h["k"] == "lost")["worker"]}
        for p in w, again:
            p.process.send_signal(signal.SIGCONT)
        status, said = w.ended()
        equal((status, "E_WORKER_LOST: the broker let worker" in said), (1, True), said)
        equal(live.next(lambda h: h["k"] == "joined")["worker"], again.name)
        equal(again.process.poll(), None)


@test("--rejoin: the worker waits for its broker, killed or stopped in good order, and serves the next one")
def rejoin(broker):
    with Broker(FIXTURE, args=("--workers", "none")) as first:
        folder, work = first.dir, first.work
        with Process(work, args=("--rejoin",)) as w, Process(work) as once:
            with first.client() as c:
                joined(c, w.name)
                joined(c, once.name)
                c.call("capture_snapshot", {"tag": "t0"})
            first.stop()
            once.process.wait(30)  # without it, it ends
            equal(once.process.returncode, 0)
            with Broker(FIXTURE, args=("--workers", "none"), dir=folder) as second:
                with second.client() as c:
                    joined(c, w.name)
                    equal(c.call("capture_snapshot", {"tag": "t1"})["seq"], 1)
                second.process.kill()
                second.process.wait()
                with Broker(FIXTURE, args=("--workers", "none"), dir=folder) as third:
                    with third.client() as c:
                        joined(c, w.name)
                        equal(c.call("capture_snapshot", {"tag": "t2"})["seq"], 1)
            equal(w.process.poll(), None)
        equal(w.process.returncode, 0)  # SIGTERM ends it, waiting or not


def ip(*args):
    return subprocess.run(["ip", *args], capture_output=True, text=True)


class Namespace:
    """A network namespace with one link to here: its end has .2, ours .1. Nothing else leads there."""

    def __init__(self):
        self.name = f"ksnap{os.getpid()}"
        self.here, self.there = f"ks{os.getpid() % 100000}a", f"ks{os.getpid() % 100000}b"
        self.address = "169.254.77.1"

    def __enter__(self):
        for args in (["netns", "add", self.name],
                     ["link", "add", self.here, "type", "veth", "peer", "name", self.there, "netns", self.name],
                     ["addr", "add", f"{self.address}/30", "dev", self.here], ["link", "set", self.here, "up"],
                     ["-n", self.name, "addr", "add", "169.254.77.2/30", "dev", self.there],
                     ["-n", self.name, "link", "set", self.there, "up"]):
            r = ip(*args)
            if r.returncode:
                self.__exit__()
                require("netns", False, f"ip {' '.join(args)}: {r.stderr.strip()}")
        return self

    def __exit__(self, *_):
        ip("link", "del", self.here)
        ip("netns", "del", self.name)


@test("a worker in a network namespace, with an address of its own, joins by tcp with its key; no other key does")
def namespace(broker):
    try:
        have = ip("-V").returncode == 0 and os.geteuid() == 0
    except FileNotFoundError:
        have = False
    require("netns", have, "making a network namespace takes root and ip")
    with Namespace() as ns:
        far = Keyed("--bind-work", f"tcp://{ns.address}:*", keys=broker.keys)
        with far, far.client() as c:
            url = next(u for u in c.call("status")["endpoints"]["work"] if ns.address in u)
            within = ("ip", "netns", "exec", ns.name)
            with Process(url, FIXTURE, keys=broker.worker_keys, within=within) as w, Live(far.live, "worker") as live:
                joined(c, w.name)
                equal(c.call("capture_snapshot", {"tag": "t0", "target": FIXTURE})["maps"], 1)
                equal({row["jobs"] for row in c.call("status")["workers"] if row["name"] == w.name}, {1})
                ip("-n", ns.name, "link", "set", ns.there, "down")  # the cable is out: no word of it from anybody
                equal(live.wait(lambda h: h["k"] == "lost", 60000)[1]["worker"], w.name)
            r = subprocess.run([*within, KSNAP, "worker", "--connect", "tcp://127.0.0.1:1", "--target", FIXTURE],
                               capture_output=True, text=True, timeout=60)
            equal(r.returncode, 5, r.stderr)
            ip("-n", ns.name, "link", "set", ns.there, "up")
            for keys, code in ((broker.keys.server.decode(), f"{broker.keys.dir}/admin"), 4), ((), 4):
                env = {**os.environ, **dict(zip(("KSNAP_SERVER_KEY", "KSNAP_KEY"), keys))}
                r = subprocess.run([*within, KSNAP, "worker", "--connect", url, "--target", FIXTURE],
                                   capture_output=True, text=True, timeout=60, env=env)
                equal(r.returncode, code, r.stderr)


class Keyed(Broker):
    """A broker with keys and no workers of its own."""

    def __init__(self, *args, keys):
        self.keys = keys
        super().__init__(FIXTURE, args=("--workers", "none", "--curve-secret", keys.secret, "--authorised", keys.file,
                                        *args))
        self.worker_keys = (keys.server.decode(), f"{keys.dir}/worker")


def main():
    keys = Keys()
    try:
        with Keyed("--bind-work", "tcp://127.0.0.1:*", keys=keys) as broker:
            with broker.client() as c:
                bound = c.call("status")["endpoints"]["work"]
            broker.tcp_work = next(url for url in bound if url.startswith("tcp://"))
            return run(broker, on_failure=broker.tell)
    finally:
        keys.remove()


if __name__ == "__main__":
    sys.exit(main())
