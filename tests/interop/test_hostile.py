# SPDX-License-Identifier: MIT
"""Peers that mean harm, or are broken: floods, frames that never end, replies that nobody reads, stolen
identities. The broker answers everybody else, and its books say what became of it."""
import contextlib
import os
import random
import resource
import select
import socket
import subprocess
import sys
import time
from socket import MSG_DONTWAIT, SHUT_RD

import msgpack
import zmq

import reports
from bus import Client, Live, open_socket, pack, receive, unpack
from serve import Broker
from tap import equal, run, test
from worker import Worker
from zmtp import COMMAND, LONG, Peer

MIB = 1 << 20
SANITIZED = os.environ.get("SANITIZER", "no") != "no"  # keeps what was freed for a while


def status(broker):
    with broker.client() as c:
        return c.call("status")


def dropped(broker, what):
    return {row["what"]: row["n"] for row in status(broker)["dropped"]}.get(what, 0)


def count(broker, op):
    return next((row["n"] for row in status(broker)["ops"] if row["op"] == op), 0)


@test("a frame that says it has 2 GiB, or 2^63 bytes, ends the connection; nothing is allocated for it")
def endless_frame(broker):
    before = status(broker)["rss_bytes"]
    for url in broker.ipc, broker.tcp, broker.work, broker.live:
        kind = b"XSUB" if url == broker.live else b"DEALER"
        for size in 2 << 30, (1 << 63) - 1, (1 << 64) - 1:
            with Peer(url, ((b"Socket-Type", kind), (b"Identity", b""))) as peer:
                peer.socket.sendall(bytes([LONG]) + size.to_bytes(8, "big") + b"x" * 100)
                assert peer.closed(), f"{url} waits for {size} bytes"
    assert status(broker)["rss_bytes"] < before + 32 * MIB, "it grew"


@test("a million tiny frames: in one message, and as messages of their own")
def tiny_frames(broker):
    before = status(broker)
    with Peer(broker.ipc) as peer:
        peer.socket.sendall(peer.frame(b"x", more=True) * 999999 + peer.frame(b"x"))
        equal(unpack(peer.message())["e"]["code"], "E_PROTO")
        chunk = peer.frame(b"\x80") * 1000
        for _ in range(100):
            peer.socket.sendall(chunk)
            for _ in range(1000):
                equal(unpack(peer.message())["e"]["code"], "E_PROTO")
    after = status(broker)
    told = {row["code"]: row["n"] for row in after["errors"]}["E_PROTO"]
    equal(told - {row["code"]: row["n"] for row in before["errors"]}.get("E_PROTO", 0), 100001)
    assert after["rss_bytes"] < before["rss_bytes"] + 256 * MIB or SANITIZED, "it grew"


@test("a peer that asks and never reads loses replies, which are counted; others are answered")
def never_reads(broker):
    before, n = status(broker), 60000
    with Peer(broker.ipc) as peer, broker.client() as other:
        request = b"".join(peer.frame(pack({"v": 1, "id": i, "op": "ping"})) for i in range(1000))
        for _ in range(n // 1000):
            peer.socket.sendall(request)
            other.call("ping")
        while dropped(broker, "reply_full") == 0:  # what did not fit into its queue
            peer.socket.sendall(request)
            n += 1000
            other.call("ping")
        assert status(broker)["rss_bytes"] < before["rss_bytes"] + 64 * MIB or SANITIZED, "it grew"
    with broker.client() as c:
        c.call("ping")


@test("a peer that fetches reports and never reads is refused them: MAX_UNREAD_BYTES")
def never_reads_reports(broker):
    with Broker(args=("--max-unread", "200000")) as other, other.client() as c, Peer(other.ipc) as peer:
        c.call("store_snapshot", {"tag": "t0"}, [reports.sized(60000)])
        asked = 200
        for i in range(asked):
            peer.socket.sendall(peer.frame(pack({"v": 1, "id": i, "op": "get", "p": {"tag": "t0"}})))
        while count(other, "get") < asked:
            pass
        assert dropped(other, "reply_unread") >= asked - 20, "it was given more than it read"
        equal(c.part("get", {"tag": "t0"}).blobs, [reports.sized(60000)])


@test("two peers with one identity: the first goes on, the second gets nothing of the first's")
def collision(broker):
    with broker.client(identity=b"twin") as first:
        first.call("hello", {"client": "first twin", "kind": "tool"})  # else the second may be there first
        with broker.client(identity=b"twin") as second:
            second.send("store_snapshot", {"tag": "t0"}, [reports.head()], b="twins")
            for _ in range(100):
                first.call("ping")
            assert not second.socket.poll(0), "an answer went to the wrong one"
            equal([row["name"] for row in status(broker)["sessions"] if "twin" in row["name"]], ["first twin"])
            equal(first.call("list", b="twins"), [])


@test("a connection that is not heard, for another has its identity, is ended: its client comes again and is heard")
def deaf(broker):
    before = dropped(broker, "connection_unheard")
    with contextlib.ExitStack() as clients:
        with broker.client(identity=b"the same") as first:
            first.call("ping")
            second = clients.enter_context(broker.client(identity=b"the same"))
            second.send("ping")
            while dropped(broker, "connection_unheard") == before:
                first.call("ping")  # who was heard is not ended
        while not second.socket.poll(1000):
            second.send("ping")


@test("a client that says nothing at first is ended, comes again by itself, and is heard when it speaks")
def late_word(broker):
    before = dropped(broker, "connection_unheard")
    with broker.client() as c:
        while dropped(broker, "connection_unheard") == before:
            pass
        c.call("ping")


@test("an id that is used again for another op gets the first one's answer: an id names a request")
def id_again(broker):
    with broker.client() as c:
        c.call("store_snapshot", {"tag": "t0"}, [reports.head()], b="ids", id="one")
        equal(c.call("close_bridge", b="ids", id="one")["tag"], "t0")
        equal(len(c.call("list", b="ids")), 1)


@test("one session's flood of captures does not keep another's waiting behind it")
def flood_of_jobs(broker):
    with Worker(broker.work, "w-flood", "flood") as w, broker.client() as many, broker.client() as one:
        for i in range(200):
            many.send("capture_snapshot", {"tag": f"m{i}", "target": "flood"})
        job = w.wait("job")
        while next(t["queued"] for t in status(broker)["targets"] if t["name"] == "flood") < 199:
            pass
        id = one.send("capture_snapshot", {"tag": "one", "target": "flood"})
        tags = []
        while "one" not in tags:
            tags.append(job["p"]["tag"])
            w.done(job["job"], reports.captured(), blob=reports.head())
            if tags[-1] != "one":
                job = w.wait("job")
        assert len(tags) <= 3, tags
        equal(one.receive()[0].envelope["id"], id)


def nonsense(rng, depth=0):
    """Any value msgpack has."""
    kind = rng.randrange(9 if depth < 4 else 7)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.choice([0, 1, -1, 2**63, 2**64 - 1, -2**63, rng.getrandbits(32)])
    if kind == 2:
        return rng.random() * 1e300
    if kind in (3, 4):
        return rng.choice(["", "tag", "id", "v", "k", "join", "done", "x" * rng.randrange(300)])
    if kind == 5:
        return rng.randbytes(rng.randrange(50))
    if kind == 6:
        return msgpack.ExtType(rng.randrange(128), rng.randbytes(4))
    if kind == 7:
        return [nonsense(rng, depth + 1) for _ in range(rng.randrange(5))]
    return {rng.choice(["v", "id", "op", "p", "b", "t", "k", "name", "job", "ok", "r", "e", "x"]): nonsense(rng, depth + 1)
            for _ in range(rng.randrange(6))}


@test("sound msgpack of any wrong shape: every request is answered, every work message counted or answered")
def wrong_shapes(broker):
    rng = random.Random(6)
    ops = ["store_snapshot", "capture_snapshot", "hello", "replay", "get", "open_bridge", "attach_object", "drain"]
    with broker.client() as c:
        for _ in range(2000):
            envelope = {"v": 1, "id": rng.getrandbits(60), "op": rng.choice(ops), "p": nonsense(rng), "t": 50}
            if rng.random() < 0.5:
                envelope[rng.choice(["v", "id", "op", "p", "b", "t"])] = nonsense(rng)
            c.send_raw(pack(envelope), *[rng.randbytes(rng.randrange(40)) for _ in range(rng.randrange(3))])
            equal(len(c.receive()) >= 1, True)
    before = dropped(broker, "work_frame")
    s = open_socket(zmq.DEALER, broker.work, b"shapes")
    for _ in range(2000):
        message = nonsense(rng)
        if isinstance(message, dict):
            message["k"] = rng.choice(["join", "beat", "done", "job", 5])
        s.send_multipart([pack(message)] + [rng.randbytes(9)] * rng.randrange(3))
    s.send(pack({"k": "beat", "accessor": 1, "seqno": 1}))
    while unpack(receive(s)[0])["k"] != "leave":
        pass
    s.close()
    assert dropped(broker, "work_frame") > before + 1000
    with broker.client() as c, Live(broker.live, "snapshot/"):
        c.call("ping")


PING = bytes([COMMAND, 7]) + b"\x04PING\0\0"
FLOODS = {  # what each of them takes at once is less than this
    "ipc": ((b"Socket-Type", b"DEALER"), pack({"v": 1, "id": 1, "op": "list"})),
    "tcp": ((b"Socket-Type", b"DEALER"), pack({"v": 1, "id": 1, "op": "list"})),
    "work": ((b"Socket-Type", b"DEALER"), pack({"k": "beat", "accessor": 1, "seqno": 1})),
    "live": ((b"Socket-Type", b"XSUB"), b"\1snapshot/none"),
}


@test("a peer that sends more than is read, and PINGs, and hangs up, read from or not: libzmq alone would end the broker")
def hangs_up(_):
    for to, (kind, request) in FLOODS.items():
        for reads in False, True:
            with Broker() as other, other.client() as c:
                for _ in range(3):
                    with Peer(getattr(other, to), (kind, (b"Identity", b""))) as peer:
                        flood = (peer.frame(request) + PING) * 4000
                        with contextlib.suppress(BlockingIOError):
                            while flood:
                                flood = flood[peer.socket.send(flood, 0 if reads else MSG_DONTWAIT):]
                                while reads and select.select([peer.socket], [], [], 0)[0]:
                                    peer.socket.recv(1 << 20)
                    c.call("ping")


def descriptors(broker):
    return len(os.listdir(f"/proc/{broker.process.pid}/fd"))


def settle_at(broker, c, most):
    """Until it has no more descriptors than that. Who does not answer heartbeats is gone after some seconds."""
    deadline = time.monotonic() + 60
    while (n := descriptors(broker)) > most:
        assert time.monotonic() < deadline, f"{n} descriptors are open, {most} were"
        c.call("ping")


@test("a peer whose routing id is another's sends more than is read, and hangs up: its connection ends")
def leaves_nothing(_):
    for to, victim in ("ipc", 1), ("work", 0):  # on work the later one has the id
        with Broker(args=("--workers", "none")) as other, other.client() as c:
            c.call("ping")
            before = descriptors(other)
            for i in range(4):
                peers = [Peer(getattr(other, to), ((b"Socket-Type", b"DEALER"), (b"Identity", b"id%d" % i)))]
                if to == "work":
                    peers[0].socket.sendall(peers[0].frame(b"x"))
                peers.append(Peer(getattr(other, to), ((b"Socket-Type", b"DEALER"), (b"Identity", b"id%d" % i))))
                peers[victim].socket.shutdown(SHUT_RD)
                with contextlib.suppress(OSError):
                    peers[victim].socket.sendall(PING + peers[victim].frame(b"") * 1100)
                for peer in peers[victim], peers[1 - victim]:
                    peer.close()
            settle_at(other, c, before)


@test("routing ids as libzmq makes them, claimed in advance: it would end the broker")
def claimed(_):
    with Broker() as other, contextlib.ExitStack() as held, other.client() as c:
        for i in range(40):
            id = b"\0" + (0x6b8b4567 + i).to_bytes(4, "big")  # the first of rand() that nobody has seeded
            held.enter_context(Peer(other.ipc, ((b"Socket-Type", b"DEALER"), (b"Identity", id))))
        for _ in range(40):
            held.enter_context(Peer(other.ipc)).ask({"v": 1, "id": 1, "op": "ping"})
        c.call("ping")
        # Wherever they begin: the zero is read as a one, and that id is in use then, so this one is not heard.
        held.enter_context(Peer(other.ipc, ((b"Identity", b"\0abcd"), (b"Socket-Type", b"DEALER"))))
        with Peer(other.ipc, ((b"Socket-Type", b"DEALER"), (b"Identity", b"\1abcd"))) as same:
            same.socket.sendall(same.frame(pack({"v": 1, "id": 1, "op": "ping"})))
            assert same.closed(), "it was answered"


@test("a peer that speaks an older ZMTP than 3.0 is hung up on: there an id is claimed by a message")
def too_old(broker):
    signature = b"\xff" + bytes(8) + b"\x7f"
    for url in broker.ipc, broker.work, broker.live:
        for greeting in b"\x06\0\0abcd", signature[:9] + b"\x7e", *(signature + bytes([v]) + b"\5\0\5\0abcd" for v in (0, 1, 2)):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(20)
                s.connect(url.split("://")[1])
                s.sendall(greeting)
                with contextlib.suppress(ConnectionError):
                    while s.recv(4096):
                        pass


@test("a routing id of more than 255 bytes: what is sent under it is not read, and counted")
def long_id(broker):
    with broker.client() as c:  # its own session is among those before, and who has left is gone by and by
        def unread():
            return {row["what"]: row["n"] for row in c.call("status")["dropped"]}.get("routing_id", 0)
        before = unread()
        sessions = len(c.call("status")["sessions"])
        for url in broker.ipc, broker.work:
            with Peer(url, ((b"Socket-Type", b"DEALER"), (b"Identity", b"x" * 256))) as peer:
                peer.socket.sendall(peer.frame(pack({"v": 1, "id": 1, "op": "ping"})) * 10)
                while unread() < before + 10:
                    pass
            before += 10
        assert len(c.call("status")["sessions"]) <= sessions, "it has a session"
    with Peer(broker.ipc, ((b"Socket-Type", b"DEALER"), (b"Identity", b"x" * 255))) as peer:
        equal(peer.ask({"v": 1, "id": 1, "op": "ping"})["ok"], True)


@test("a PING that is too short has no answer: libzmq's would be 16 bytes of the broker's memory")
def short_ping(broker):
    for to, (kind, _) in FLOODS.items():
        with Peer(getattr(broker, to), (kind, (b"Identity", b""))) as peer:
            for body in b"\x04PING", b"\x04PING1":
                peer.socket.sendall(bytes([COMMAND, len(body)]) + body)
            peer.socket.sendall(bytes([COMMAND, 10]) + b"\x04PING\0\0abc")
            told = b""
            while told[:5] != b"\x04PONG":
                flags, told = peer.read()
                assert flags, "the broker closed the connection"
            equal(told, b"\x04PONGabc", to)


def is_refused(peer):
    """Whom it takes it greets at once."""
    peer.settimeout(20)
    return peer.recv(1) == b""


def exported(broker, name):
    done = subprocess.run([os.environ["KSNAP"], "-e", broker.ipc, "status", "-o", "prometheus"], capture_output=True, text=True, check=True)
    return next(int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith(f"{name} "))


@test("more connections than there are descriptors: they are refused, told and counted, and all is well when some are closed")
def too_many(_):
    for to in "ipc", "live", "tcp":
        with Broker(args=("--workers", "none")) as other, other.client() as c, contextlib.ExitStack() as held:
            equal(c.call("status")["refused_connections"], 0)
            most = descriptors(other) + 20
            resource.prlimit(other.process.pid, resource.RLIMIT_NOFILE, (most, most))
            peers = [held.enter_context(socket.socket(socket.AF_INET if to == "tcp" else socket.AF_UNIX)) for _ in range(60)]
            for s in peers:
                url = getattr(other, to).split("://")[1]
                s.connect((url.split(":")[0], int(url.split(":")[1])) if to == "tcp" else url)
            while not any("connections refused" in line for line in other.said):
                c.call("ping")
            refused = sum(map(is_refused, peers))
            assert 0 < refused < 60, f"{refused} of 60 are refused"
            said = c.call("status")
            equal(said["refused_connections"], refused)
            assert said["rss_bytes"] > 0, "no memory is told of when no file can be opened"
            held.close()
            settle_at(other, c, most - 20)
            equal(exported(other, "ksnap_refused_connections_total"), refused)
            with other.client() as again:
                equal(again.call("status")["refused_connections"], refused)


@test("a broker may have 2048 descriptors, for libzmq bears no 8000 connections, or more when it was started so; its workers what the hard limit lets them")
def raised(_):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    for soft in {300, min(5000, before[1])}:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
        try:
            other = Broker()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        with other, other.client() as c:
            while not (workers := c.call("status")["workers"]):
                pass
            equal(resource.prlimit(other.process.pid, resource.RLIMIT_NOFILE), (max(soft, min(2048, before[1])), before[1]))
            equal(resource.prlimit(workers[0]["pid"], resource.RLIMIT_NOFILE), (before[1], before[1]))


def main():
    with Broker() as broker:
        return run(broker, on_failure=broker.tell)


if __name__ == "__main__":
    sys.exit(main())
