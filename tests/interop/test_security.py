# SPDX-License-Identifier: MIT
"""Who gets in and what they may do: each rule of SECURITY.md meets somebody who tries to break it."""
import contextlib
import ctypes
import errno
import glob
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

import zmq
from zmq.utils.monitor import recv_monitor_message

import reports
from bus import CONTEXT, Client, Live, open_socket, pack, unpack
from curve import COMMAND_WITHIN, CurvePeer, CurveServer
from keys import Keys, ROLES
from serve import Broker
from shapes import check_refusal
from tap import equal, require, run, test
from worker import Worker
from zmtp import COMMAND, Peer

KSNAP = os.environ["KSNAP"]
REFUSED = (zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL |
           zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL)


class Secured(Broker):
    """A broker with keys, on ipc and on tcp with all three sockets."""

    def __init__(self, *args):
        self.keys = Keys()
        super().__init__(args=("--bind-live", "tcp://127.0.0.1:*", "--bind-work", "tcp://127.0.0.1:*",
                               "--curve-secret", self.keys.secret, "--authorised", self.keys.file, *args))

    def __enter__(self):
        super().__enter__()
        with self.client() as c:
            bound = c.call("status")["endpoints"]
        self.tcp_live, self.tcp_work = (next(url for url in bound[what] if url.startswith("tcp://"))
                                        for what in ("live", "work"))
        return self

    def clean(self):
        super().clean()
        self.keys.remove()

    def as_(self, name, **more):
        return Client(self.tcp, keys=self.keys.of(name), **more)

    def reload(self):
        """Rewrite the file, have it read, and wait until that is done: the answer comes behind it."""
        self.keys.write()
        said = self.read_again()
        self.process.send_signal(signal.SIGHUP)
        while self.read_again() == said:
            with self.client() as c:
                c.call("ping")

    def read_again(self):
        return sum("keys are read again" in line or "keys stay as they were" in line for line in self.said)


def refusals(broker):
    with broker.client() as c:
        return c.call("status")["refused_handshakes"]


def counted(broker, least):
    """Who is refused may know before the broker has counted it."""
    deadline = time.monotonic() + 20
    while refusals(broker) < least:
        assert time.monotonic() < deadline, "they were not counted"


def shut_out(kind, url, keys, first=None):
    """libzmq itself tells that this connection is refused, and nothing is ever read from it."""
    s = CONTEXT.socket(kind)
    s.linger = 0
    if keys:
        s.curve_serverkey, s.curve_publickey, s.curve_secretkey = keys
    if kind == zmq.SUB:
        s.setsockopt(zmq.SUBSCRIBE, b"")
    watch = s.get_monitor_socket(REFUSED)
    s.connect(url)
    if first:
        s.send(first)
    try:
        assert watch.poll(20000), "the handshake was not refused"
        event = recv_monitor_message(watch)["event"]
        assert not s.poll(0), "it got a message all the same"
        return event
    finally:
        s.disable_monitor()
        s.close()


@test("each role opens what it must and nothing above it, whatever the params are")
def boundaries(broker):
    with broker.client() as c:
        ops = [op for op in c.call("describe")["ops"] if op["name"] != "bye"]
    assert {op["right"] for op in ops} >= {"observe", "capture", "admin"}, ops
    for i, role in enumerate(ROLES):
        with broker.as_(role) as c:
            equal(c.call("hello", {"client": role, "kind": "tool"})["rights"], ROLES[:i + 1])
            for op in ops:
                blobs = [b"x"] * op.get("blobs", 0)
                r = c.refusal(op["name"], {"no such key": 1}, blobs)
                check_refusal(r)
                denied = ROLES.index(op["right"]) > i
                equal(r.code == "E_DENIED", denied, f"{role} asks {op['name']} ({op['right']}): {r}")
                if denied:
                    assert f"'{op['right']}'" in r.msg and f"the key of {role}" in r.msg, r.msg


@test("a right that is lacking is refused before the params are read, and nothing is done")
def nothing_done(broker):
    with broker.as_("observe") as c, broker.client() as local:
        equal(c.refusal("store_snapshot", {"tag": "t0"}, [reports.head()], b="denied").code, "E_DENIED")
        equal([row["name"] for row in local.call("status")["bridges"] if row["name"] == "denied"], [])


@test("--role bounds every key")
def bounded(broker):
    with Secured("--role", "observe") as other, other.as_("admin") as c:
        equal(c.call("hello", {"client": "c", "kind": "tool"})["rights"], ["observe"])
        equal(c.refusal("capture_snapshot", {"tag": "t0"}).code, "E_DENIED")


@test("a key that is not in the file is refused at all three sockets, and counted")
def unknown(broker):
    before = refusals(broker)
    keys = (broker.keys.server, *zmq.curve_keypair())
    hello = pack({"v": 1, "id": 1, "op": "hello", "p": {"client": "x", "kind": "tool"}})
    for kind, url, first in ((zmq.DEALER, broker.tcp, hello), (zmq.SUB, broker.tcp_live, None),
                             (zmq.DEALER, broker.tcp_work, pack({"k": "join"}))):
        equal(shut_out(kind, url, keys, first), zmq.EVENT_HANDSHAKE_FAILED_AUTH)
    counted(broker, before + 3)


@test("no key at all, and another server key, are refused at all three sockets, and counted")
def no_key(broker):
    before = refusals(broker)
    other_server = (zmq.curve_keypair()[0], *broker.keys.pairs["admin"])
    for kind, url in (zmq.DEALER, broker.tcp), (zmq.SUB, broker.tcp_live), (zmq.DEALER, broker.tcp_work):
        shut_out(kind, url, None)
        shut_out(kind, url, other_server)
    counted(broker, before + 6)


@test("a worker's key opens the work socket only; no other key opens it, admin's not either")
def worker_key(broker):
    for url, kind in (broker.tcp, zmq.DEALER), (broker.tcp_live, zmq.SUB):
        equal(shut_out(kind, url, broker.keys.of("worker")), zmq.EVENT_HANDSHAKE_FAILED_AUTH)
    for role in ROLES:
        join = pack({"k": "join", "v": 1, "name": "w", "target": "py", "kind": "x", "pid": 1, "host": "h"})
        equal(shut_out(zmq.DEALER, broker.tcp_work, broker.keys.of(role), join), zmq.EVENT_HANDSHAKE_FAILED_AUTH)
    with broker.client() as c:
        equal([row["name"] for row in c.call("status")["workers"] if row["target"] == "py"], [])
    with Worker(broker.tcp_work, "far", "far", keys=broker.keys.of("worker")), broker.as_("observe") as c:
        equal([row["name"] for row in c.call("status")["workers"] if row["target"] == "far"], ["far"])


@test("a worker cannot take the name or the place of one with another key")
def stolen_name(broker):
    broker.keys.add("worker2", "worker")
    broker.reload()
    with Worker(broker.tcp_work, "own", "own", keys=broker.keys.of("worker")) as w, broker.client() as c:
        s = open_socket(zmq.DEALER, broker.tcp_work, b"own#thief", broker.keys.of("worker2"))
        s.send(pack({"k": "join", "v": 1, "name": "own", "target": "own", "kind": "x", "pid": 1, "host": "h"}))
        assert s.poll(20000), "no answer"
        message = unpack(s.recv())
        equal(message["k"], "refused")
        assert "another key" in message["msg"], message
        s.close()
        # under its very routing id: nothing it says is taken for the worker's word
        id = c.send("capture_snapshot", {"tag": "t0", "target": "own"})
        job = w.wait("job")["job"]
        s = open_socket(zmq.DEALER, broker.tcp_work, f"own#{w.life:x}".encode(), broker.keys.of("worker2"))
        s.send_multipart([pack({"k": "done", "job": job, "ok": True, "r": reports.captured(9)}), reports.head()])
        assert s.poll(20000), "no answer"
        equal(unpack(s.recv())["k"], "leave")
        s.close()
        while not w.got.empty():
            w.got.get()
        w.wait("beat")  # its connection was taken over; it is back
        w.done(job, reports.captured(5), blob=reports.head())
        part, = c.receive()
        equal((part.envelope["id"], part.envelope["ok"], part.r["maps"]), (id, True, 5))


@test("the live socket gives a key what it gives the file's owner, encrypted")
def live(broker):
    with Live(broker.tcp_live, "snapshot/", keys=broker.keys.of("observe")) as live, broker.as_("capture") as c:
        c.call("store_snapshot", {"tag": "seen"}, [reports.head()], b="live")
        equal(live.next(lambda h: h["k"] == "captured")["tag"], "seen")


@test("a key that is taken out loses everything at once: requests, what is in flight, live bus, worker, objects")
def revoked(broker):
    for name, roles in (("gone", "admin"), ("goner", "worker")):
        broker.keys.add(name, roles)
    broker.reload()
    jobs = {"attach_object": lambda p, blobs: ({"maps": [1], "progs": [2]}, None)}
    with Worker(broker.work, "holds", "holds", jobs) as holds, \
            Worker(broker.tcp_work, "goes", "goes", keys=broker.keys.of("goner")), \
            broker.as_("gone") as c, broker.as_("observe") as stays, \
            Live(broker.tcp_live, "snapshot/", keys=broker.keys.of("gone")) as live, \
            Live(broker.tcp_live, "snapshot/", keys=broker.keys.of("observe")) as other, \
            Live(broker.live, "worker") as workers:
        c.call("hello", {"client": "gone", "kind": "executor"})
        c.call("attach_object", {"name": "his", "target": "holds"}, [b"\x7fELF"])
        pending = c.send("wait_accessor", {"target": "holds", "after": 1})

        stays.call("ping")
        while not any(row.get("key") == "gone" and row["in_flight"] for row in stays.call("status")["sessions"]):
            pass
        del broker.keys.lines["gone"], broker.keys.lines["goner"]
        broker.reload()
        holds.wait("job")
        job = holds.wait("job")
        equal((job["op"], job["p"]["name"]), ("detach_object", "his"))
        equal(workers.wait(lambda h: h["k"] == "lost")[1]["worker"], "goes")
        part, = c.receive()
        equal((part.envelope["id"], part.envelope["ok"]), (pending, False))
        equal(part.envelope["e"]["code"], "E_DENIED")
        for op, p in ("ping", {}), ("list", {}), ("frobnicate", {}), ("bye", {}):
            r = c.refusal(op, p)
            equal(r.code, "E_DENIED")
            assert "not authorised any more" in r.msg, r.msg
        assert not any(row.get("key") == "gone" for row in stays.call("status")["sessions"])
        with broker.client() as local:
            lost = [e for e in local.call("drain_events") if e["k"] == "session_lost"]
        equal([(e["client"], e["released"], e["reason"]) for e in lost],
              [("gone", "object his", "its key is not authorised any more")])
        # the live bus goes on for the others, who are let in again, and not for him
        with broker.client() as local:
            while other.socket.poll(0):
                other.message()
            other.next(lambda h: h["k"] == "beat")  # it is let in again
            while live.socket.poll(0):  # what had left the broker before
                live.message()
            local.call("store_snapshot", {"tag": "secret"}, [reports.head()], b="live")
            equal(other.next(lambda h: h["k"] == "captured")["tag"], "secret")
            other.next(lambda h: h["k"] == "beat")
            assert not live.socket.poll(0), "a key without rights still reads the live bus"
    shut_out(zmq.DEALER, broker.tcp, broker.keys.of("gone"))
    shut_out(zmq.SUB, broker.tcp_live, broker.keys.of("gone"))
    shut_out(zmq.DEALER, broker.tcp_work, broker.keys.of("goner"))


@test("what a key that is taken out still waits for is refused at once; what had not begun is not begun any more")
def revoked_while_waiting(broker):
    broker.keys.add("waits", "admin")
    broker.reload()
    with Worker(broker.work, "busy", "busy") as busy, broker.as_("waits") as c, broker.as_("observe") as stays:
        begun = c.send("capture_snapshot", {"tag": "t0", "target": "busy"})
        job = busy.wait("job")["job"]
        for _ in range(2):
            c.send("freeze", {"cgroup": "/a", "target": "busy"})
            c.send("wait_accessor", {"target": "busy", "after": 1})
        while not any(row.get("key") == "waits" and row["in_flight"] == 5 for row in stays.call("status")["sessions"]):
            pass
        del broker.keys.lines["waits"]
        broker.reload()
        for _ in range(4):
            part, = c.receive()
            assert part.envelope["id"] != begun and part.envelope["e"]["code"] == "E_DENIED", part.envelope
        busy.done(job, {"maps": 0, "complete": True, "placeholder": False, "reasons": []}, blob=reports.head())
        part, = c.receive()
        equal((part.envelope["id"], part.envelope["e"]["code"]), (begun, "E_DENIED"))
        with broker.client() as local:
            local.send("capture_cgroup_procs", {"tag": "t", "cgroup": "/", "target": "busy"})
            equal(busy.wait("job")["op"], "capture_cgroup_procs")


@test("a role that is lowered counts from the next request on")
def lowered(broker):
    broker.keys.add("less", "admin")
    broker.reload()
    with broker.as_("less") as c:
        c.call("store_snapshot", {"tag": "t0"}, [reports.head()], b="less")
        broker.keys.lines["less"] = broker.keys.lines["less"].replace("admin", "observe")
        broker.reload()
        equal(c.refusal("store_snapshot", {"tag": "t1"}, [reports.head()], b="less").code, "E_DENIED")
        equal([row["tag"] for row in c.call("list", b="less")], ["t0"])


@test("a file of keys that is wrong changes nothing, and says which line")
def bad_file(broker):
    good = dict(broker.keys.lines)
    some = zmq.curve_keypair()[0].decode()
    for bad, why in ((f"{some} boss him", "boss"), (f"{some} admin", "KEY ROLE"), ("x admin him", "40"),
                     (f"{some} admin two names", "KEY ROLE"), (f"{some} , him", "role"), ("x" * 600, "bytes"),
                     (good["admin"].replace("admin", "observe"), "twice")):
        broker.keys.lines = {**good, "bad": bad}
        broker.reload()
        assert why in broker.said[-1] and broker.keys.file in broker.said[-1], broker.said[-1]
        with broker.as_("admin") as c:
            c.call("ping")
    broker.keys.lines = good
    os.chmod(broker.keys.file, 0o666)
    broker.process.send_signal(signal.SIGHUP)
    while "others may change" not in broker.said[-1]:
        with broker.client() as c:
            c.call("ping")
    broker.reload()
    assert "read again" in broker.said[-1], broker.said[-1]


@test("a peer on ipc that writes somebody's User-Id into its handshake stays who it is")
def forged_user(broker):
    with Secured("--role", "observe") as other, Broker() as plain_broker:
        for b, right in (other, ["observe"]), (plain_broker, ROLES):
            key = other.keys.pairs["admin"][0]
            properties = (b"Socket-Type", b"DEALER"), (b"User-Id", key), (b"Identity", b"")
            with Peer(b.ipc, properties) as peer, b.client() as c:
                r = peer.ask({"v": 1, "id": 1, "op": "hello", "p": {"client": "forger", "kind": "tool"}})
                equal((r["ok"], r["r"]["rights"]), (True, right))
                row, = [row for row in c.call("status")["sessions"] if row["name"] == "forger"]
                assert "key" not in row, row


def first_answer(c, op, **more):
    """The connection that had c's routing id before may still be known, and c unheard: what is sent then is lost
    within five seconds."""
    c.send(op, **more)
    while not c.socket.poll(6000):
        c.send(op, **more)
    return c.receive()[0].r


@test("answers that are kept for one key are not given to another: same routing id, same name and pid, same id")
def foreign_answers(broker):
    hello = {"client": "same", "kind": "executor", "pid": 7}
    with broker.as_("admin", identity=b"same") as c:
        c.call("hello", hello)
        c.call("store_snapshot", {"tag": "mine"}, [reports.head()], b="mine", id="store")
        secret = c.call("list", b="mine", id="list")
        equal(c.call("list", b="mine", id="list"), secret)
    with broker.as_("capture", identity=b"same") as c:
        equal(first_answer(c, "list", b="other", id="list"), [])
        c.call("hello", hello)
        equal(c.call("list", b="other", id="list again"), [])
        equal(c.call("list", b="other", id="store"), [])


@test("tcp without keys is refused, but on loopback with --insecure")
def tcp_without(broker):
    for args, code in ((["--bind", "tcp://127.0.0.1:*"], 2), (["--bind", "tcp://0.0.0.0:*", "--insecure"], 2),
                       (["--bind", "tcp://*:*", "--insecure"], 2), (["--bind-live", "tcp://127.0.0.1:*"], 2),
                       (["--bind-work", "tcp://127.0.0.1:*"], 2), (["--bind", "tcp://128.0.0.1:1", "--insecure"], 2),
                       (["--curve-secret", broker.keys.secret], 2), (["--authorised", broker.keys.file], 2),
                       (["--curve-secret", "/none", "--authorised", broker.keys.file], 2),
                       (["--curve-secret", broker.keys.file, "--authorised", broker.keys.file], 2)):
        r = subprocess.run([KSNAP, "serve", "--bind", f"{broker.ipc}.no", "--target", "fixture:maps=1", *args],
                           capture_output=True, text=True, timeout=60)
        equal(r.returncode, code, f"{args}: {r.stderr}")
        assert not os.path.exists(f"{broker.ipc}.no"[len("ipc://"):]), "a socket was left"


def cli(broker, *args, server=None, key=None, url=None):
    keys = {"KSNAP_SERVER_KEY": server, "KSNAP_KEY": key}
    env = {**os.environ, **{k: v for k, v in keys.items() if v}}
    return subprocess.run([KSNAP, *args, "-e", url or broker.tcp], capture_output=True, text=True, timeout=60, env=env)


@test("commands: in with a key; without one, or a wrong one, exit code 4 and what to do, at once")
def commands(broker):
    server, file = broker.keys.server.decode(), lambda name: f"{broker.keys.dir}/{name}"
    equal(cli(broker, "list", server=server, key=file("observe")).returncode, 0)
    equal(cli(broker, "list", "--server-key", server, "--key", file("observe")).returncode, 0)
    broker.keys.keygen("stranger")
    for args in ["list"], ["status"], ["capture", "t0"], ["monitor", "-n", "1"], ["drain"], ["events"], ["describe"]:
        r = cli(broker, *args, server=server, key=file("stranger"))
        equal((r.returncode, r.stdout), (4, ""), f"{args}: {r.stderr}")
        assert "refuses this key" in r.stderr, r.stderr
    r = cli(broker, "list")
    equal(r.returncode, 4, r.stderr)
    assert "--server-key" in r.stderr and "--key" in r.stderr, r.stderr
    r = cli(broker, "list", server=zmq.curve_keypair()[0].decode(), key=file("admin"))
    equal(r.returncode, 4)
    assert "another server key" in r.stderr, r.stderr
    r = cli(broker, "list", key=file("admin"))
    equal(r.returncode, 2)
    os.chmod(file("stranger"), 0o640)
    r = cli(broker, "list", server=server, key=file("stranger"))
    equal(r.returncode, 4)
    assert "chmod 600" in r.stderr, r.stderr
    r = cli(broker, "capture", "t0", server=server, key=file("observe"))
    equal(r.returncode, 4)
    assert "'capture'" in r.stderr, r.stderr
    r = subprocess.run([KSNAP, "worker", "--connect", broker.tcp_work, "--target", "fixture:maps=1", "--server-key", server,
                        "--key", file("admin")], capture_output=True, text=True, timeout=60)
    equal(r.returncode, 4, r.stderr)


@test("keygen: the file is the owner's alone whatever the umask, and is never written over")
def keygen(broker):
    path = f"{broker.keys.dir}/fresh"
    umask = os.umask(0)
    r = subprocess.run([KSNAP, "keygen", path], capture_output=True, text=True)
    os.umask(umask)
    equal((r.returncode, stat.S_IMODE(os.stat(path).st_mode)), (0, 0o600))
    with open(path) as f:
        text = f.read()
    assert f"public {r.stdout.strip()}\n" in text, text
    link = f"{broker.keys.dir}/link"
    os.symlink(f"{broker.keys.dir}/elsewhere", link)
    for taken in path, link:
        again = subprocess.run([KSNAP, "keygen", taken], capture_output=True, text=True)
        equal((again.returncode, again.stdout), (1, ""))
    with open(path) as f:
        equal(f.read(), text)
    assert not os.path.exists(f"{broker.keys.dir}/elsewhere")
    both = subprocess.run([KSNAP, "keygen"], capture_output=True, text=True, check=True).stdout
    equal([line.split()[0] for line in both.splitlines()], ["#", "public", "secret"])


@test("sockets: the owner's alone; with --group its group's too, but not the one for workers")
def modes(broker):
    import grp
    group = grp.getgrgid(os.getgid()).gr_name
    umask = os.umask(0)
    try:
        alone, shared = Broker(), Broker(args=("--group", group))
    finally:
        os.umask(umask)
    with alone, shared:
        for b, mode in (alone, 0o600), (shared, 0o660):
            for url, want in (b.ipc, mode), (b.live, mode), (b.work, 0o600):
                equal(stat.S_IMODE(os.stat(url[len("ipc://"):]).st_mode), want, url)


def reach(url, gid):
    """Whether nobody, in this group, gets through to a socket: by connect(2), and nothing else."""
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(65534)
        try:
            socket.socket(socket.AF_UNIX).connect(url[len("ipc://"):])
        except PermissionError:
            os._exit(1)
        except BaseException:
            os._exit(2)
        os._exit(0)
    return {0: True, 1: False}[os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])]


@test("a folder that serve makes is entered by its owner and --group; --worker-group gets at the work socket, and at no other")
def groups(broker):
    import grp
    require("root", os.geteuid() == 0, "only root can be somebody else")
    stranger, group = 65533, grp.getgrgid(65534)  # a number that nobody has, and the group of nobody
    cases = (((), 0o700, [False] * 3), (("--group", group.gr_name), 0o750, [True, True, False]),
             (("--worker-group", group.gr_name), 0o750, [False, False, True]))
    for args, mode, want in cases:
        with tempfile.TemporaryDirectory() as dir:
            os.chmod(dir, 0o755)
            umask = os.umask(0)
            b = Broker(dir=f"{dir}/made", args=args)
            os.umask(umask)
            with b:
                equal(stat.S_IMODE(os.stat(b.dir).st_mode), mode, f"the folder with {args}")
                urls = (b.ipc, b.live, b.work)
                equal([reach(url, group.gr_gid) for url in urls], want, f"the group gets through, with {args}")
                equal([reach(url, stranger) for url in urls], [False] * 3, f"a stranger gets through, with {args}")


@test("a folder of --state that others may look into is warned of, and its files are the owner's alone")
def state_folder(broker):
    with tempfile.TemporaryDirectory() as dir:
        os.chmod(dir, 0o755)
        with Broker(args=("--state", dir)) as b, b.client() as c:
            c.call("store_snapshot", {"tag": "t0"}, [reports.head()])
            assert any("others than its owner may look into" in line for line in b.said), list(b.said)
            files = [name for name in os.listdir(dir)]
            assert files, "nothing is kept"
            equal({stat.S_IMODE(os.stat(f"{dir}/{name}").st_mode) for name in files}, {0o600})


DEALER, SUB = (b"Socket-Type", b"DEALER"), (b"Socket-Type", b"SUB")
SHORT = [(body, *flags) for body in (b"\x04PING", b"\x04PING1")
         for flags in ((COMMAND_WITHIN, 0), (COMMAND_WITHIN, COMMAND), (0, COMMAND))]  # libzmq asks for either


def with_key(broker, name):
    """(URL, a key that may come there, properties) of each socket on tcp."""
    return ((broker.tcp, broker.keys.of(name), (DEALER, (b"Identity", b""))),
            (broker.tcp_live, broker.keys.of(name), (SUB,)),
            (broker.tcp_work, broker.keys.of("worker"), (DEALER, (b"Identity", b""))))


@test("a PING that is too short, from who has a key: its connection ends, without 16 bytes of the broker's memory")
def short_ping(broker):
    """libzmq reads no more from it at once, and ends it by the heartbeat: who watches for handshakes that fail, as the
    broker does, overwrites the errno by which it knows."""
    with broker.as_("observe") as other, contextlib.ExitStack() as held:
        peers = [(held.enter_context(CurvePeer(url, keys, properties)), f"{url} {short}", short)
                 for url, keys, properties in with_key(broker, "observe") for short in SHORT]
        for peer, _, short in peers:
            peer.socket.sendall(peer.seal(*short))
        for peer, what, _ in peers:
            equal(peer.until_pong(), None, what)
            other.call("ping")
    with broker.as_("observe") as c:
        c.call("ping")


@test("any other PING within CURVE has its context back, and what only looks like a short one is read")
def whole_ping(broker):
    for url, keys, properties in with_key(broker, "observe"):
        with CurvePeer(url, keys, properties) as peer:
            for context in b"", b"a", b"\0" * 9, b"\x04PING", b"abcdefghijklmnop":
                peer.socket.sendall(peer.seal(b"\x04PING\0\0" + context, COMMAND_WITHIN))
                equal(peer.until_pong(), b"\x04PONG" + context, url)
    with CurvePeer(broker.tcp, broker.keys.of("observe")) as peer:
        for body in b"\x04PIN", b"\x04PING\0\0", b"PING", b"\x04ping":
            peer.socket.sendall(peer.seal(body))
            equal(unpack(data(peer))["e"]["code"], "E_PROTO", body)


def data(peer):
    """The next message that is no command."""
    while (got := peer.unseal())[0] & COMMAND_WITHIN:
        pass
    return got[1]


@test("an id as libzmq gives them, claimed by who has a key: he is not let in; with any other id he is")
def claimed(broker):
    ping = pack({"v": 1, "id": 1, "op": "ping"})
    keys = broker.keys.of("observe")
    for id in b"\0", b"\0abcd", b"\0" + bytes(254):
        for properties in (DEALER, (b"Identity", id)), ((b"Identity", b"a"), (b"Identity", id), DEALER):
            for url, key in (broker.tcp, keys), (broker.tcp_work, broker.keys.of("worker")):
                try:
                    CurvePeer(url, key, properties).close()
                except (ValueError, ConnectionError):
                    continue
                raise AssertionError(f"{url} let in {id}")
    for name, value in ((b"Identity", b""), (b"Identity", b"a\0"), (b"Identity", b"x" * 255), (b"identity", b"\0"),
                        (b"X-Y", b"\0")):
        with CurvePeer(broker.tcp, keys, (DEALER, (name, value))) as peer:
            peer.socket.sendall(peer.seal(ping))
            equal(unpack(data(peer))["ok"], True)


def answer_to_short(broker, short, deadline_ms):
    """What a client answers to the PING, when it answered one before; it gives up at its deadline, having no heartbeat.
    The server is one whose key the client was given."""
    public, secret = broker.keys.pairs["admin"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        command = [KSNAP, "-e", f"tcp://127.0.0.1:{listener.getsockname()[1]}", "--server-key", public.decode(),
                   "--key", f"{broker.keys.dir}/observe", "-t", str(deadline_ms), "status"]
        with ended(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)), \
                CurveServer(listener, secret, ((b"Socket-Type", b"ROUTER"),)) as server:
            server.socket.sendall(server.seal(b"\x04PING\0\0whole", COMMAND_WITHIN))
            if server.until_pong() is None:
                raise ConnectionError(f"the client has given up after {deadline_ms} ms")
            server.socket.sendall(server.seal(*short))
            return server.until_pong()


@test("a broker has no memory of a client by a PING that is too short, either")
def short_ping_of_a_broker(broker):
    for short in SHORT:
        for deadline_ms in 1000, 5000, 15000:  # a busy machine takes long
            try:
                equal(answer_to_short(broker, short, deadline_ms), None, str(short))
                break
            except ConnectionError as e:
                last = e
        else:
            raise AssertionError(f"{short}: {last}")


@contextlib.contextmanager
def ended(process):
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Canary:
    """A file, a program, a Unix socket and a tcp port that nobody is to touch."""

    def __init__(self, dir):
        self.dir = dir
        self.file = f"{dir}/canary"
        with open(self.file, "w") as f:
            f.write(f"#!/bin/sh\ntouch {dir}/ran\n")
        os.chmod(self.file, 0o755)
        self.sockets = [socket.socket(socket.AF_UNIX), socket.socket()]
        self.sockets[0].bind(f"{dir}/listener")
        self.sockets[1].bind(("127.0.0.1", 0))
        for s in self.sockets:
            s.listen()
            s.setblocking(False)
        self.port = self.sockets[1].getsockname()[1]
        libc = ctypes.CDLL(None, use_errno=True)
        self.watch = libc.inotify_init1(os.O_NONBLOCK)
        assert libc.inotify_add_watch(self.watch, dir.encode(), 0x120) > 0  # opened, created: of what is in it

    def names(self):
        """What leads to it, in every form that somebody might take for an invitation."""
        listener, port = f"{self.dir}/listener", self.port
        return [self.file, f"file://{self.file}", f"core:{self.file}", f"guest:{listener},mem={self.file}",
                f"live:vmlinux={self.file}", f"ipc://{listener}", f"tcp://127.0.0.1:{port}", f"$({self.file})",
                f"`{self.file}`", f"|{self.file}", f"../../../../../../..{self.file}", f"obj:{self.file}"]

    def touched(self):
        found = []
        with contextlib.suppress(BlockingIOError):
            found.append(os.read(self.watch, 4096))
        for s in self.sockets:
            with contextlib.suppress(BlockingIOError):
                found.append(s.accept())
        return found


def fill(op, name):
    """Parameters of an op, each of which takes it where its type lets it."""
    values = {"str": name, "tag": name[-64:], "list": [name], "any": name, "uint": 1, "bool": True, "int": 1, "map": {}}
    return {p["name"]: p["enum"][0] if p.get("enum") else values.get(p["type"], name) for p in op["params"]}


@test("no message makes the broker open a file, start a program or connect anywhere")
def not_lured(broker):
    with tempfile.TemporaryDirectory() as dir, Broker(args=("--workers", "none")) as b:
        canary = Canary(dir)
        with open(canary.file):
            assert canary.touched(), "an open is not seen, so this proves nothing"
        pid, before = b.process.pid, None
        with Client(b.ipc) as c:
            ops = [op for op in c.call("describe")["ops"] if op["name"] not in ("bye", "hello", "close_bridge")]
            before = files_of(pid)
            for name in canary.names():
                for op in ops:
                    all_of_it = fill(op, name)
                    alone = {p["name"]: all_of_it[p["name"]] for p in op["params"] if p["required"]}
                    for p in [all_of_it, alone] + [{**alone, key: all_of_it[key]} for key in all_of_it if key not in alone]:
                        c.send(op["name"], p, [name.encode()] * op.get("blobs", 0), t=1)
                        c.receive()
            c.call("ping")
        equal(canary.touched(), [], "it was lured")
        equal(files_of(pid) - before, set(), "files that it has opened")
        children = [open(f"/proc/{pid}/task/{tid}/children").read() for tid in os.listdir(f"/proc/{pid}/task")]
        equal("".join(children), "", "programs that it started")


def files_of(pid):
    """Files and devices that a process has open, without sockets and such."""
    return {link for link in map(link_of, glob.glob(f"/proc/{pid}/fd/*")) if link.startswith("/")}


def link_of(path):
    """What it points to, "" when it went meanwhile."""
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""


@test("code within a worker starts no program, mounts, traces, enters namespaces or sets the clock")
def confined(broker):
    require("filter", os.environ.get("SANITIZER", "no") == "no", "a sanitizer wants to be loaded first")
    with tempfile.TemporaryDirectory() as dir, Broker(args=("--workers", "none")) as b:
        env = {**os.environ, "KSNAP_TRIED_CALLS": f"{dir}/tried",
               "LD_PRELOAD": os.environ["KSNAP_TOP_BUILDDIR"] + "/tests/interop/try_calls.so"}
        worker = subprocess.Popen([KSNAP, "worker", "--connect", b.work, "--target", "fixture:maps=2,entries=10", "--name", "w"],
                                  env=env, stdin=subprocess.DEVNULL)
        try:
            with Client(b.ipc) as c:
                wait_for(lambda: c.call("status")["workers"], "the worker does not join")
                worker.send_signal(signal.SIGUSR1)
                wait_for(lambda: os.path.exists(f"{dir}/tried") or worker.poll() is not None, "it tried nothing")
                equal(worker.poll(), None, "the worker is another program now")
                wait_for(lambda: "execve " in open(f"{dir}/tried").read(), "it did not try all")
                with open(f"{dir}/tried") as f:
                    tried = dict(line.split() for line in f)
                equal({name for name, code in tried.items() if int(code) != errno.EPERM}, set(), "what was let through")
                assert len(tried) > 10, tried
                assert c.call("capture_snapshot", {"tag": "t0"})["complete"], "and it captures"
        finally:
            worker.kill()
            worker.wait()


def wait_for(what, otherwise):
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline, otherwise


@test("no secret key is in any log, status or event")
def no_secrets(broker):
    with broker.client() as c:
        told = repr(c.call("status")) + repr(c.call("describe")) + "\n".join(broker.said)
    assert "warning" in told, "the log is empty, so this proves nothing"
    with open(broker.keys.secret) as f:
        secrets = [f.read().split("secret ")[1].strip()] + [s.decode() for _, s in broker.keys.pairs.values()]
    for secret in secrets:
        assert secret not in told, "a secret key was told"


def main():
    with Secured("-v", "-v") as broker:
        return run(broker, on_failure=broker.tell)


if __name__ == "__main__":
    sys.exit(main())
