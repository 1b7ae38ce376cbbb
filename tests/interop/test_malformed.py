# SPDX-License-Identifier: MIT
"""What is wrong is answered, by the right code and with its id when that can be read; and the broker
still answers the next request of the same connection."""
import itertools
import random
import sys

import msgpack
import zmq

import reports
from bus import Client, Live, Refused, open_socket, pack, unpack
from serve import Broker
from shapes import check_refusal
from tap import equal, require, run, test

ID = "the id of the frame"  # stands for the one that new_id gave last
given = itertools.count(7)
HUGE = {"array 32": b"\xdd\xff\xff\xff\xff", "map 32": b"\xdf\xff\xff\xff\xff", "str 32": b"\xdb\xff\xff\xff\xff",
        "bin 32": b"\xc6\xff\xff\xff\xff", "ext 32": b"\xc9\xff\xff\xff\xff\x01", "array 16": b"\xdc\xff\xff",
        "map 16": b"\xde\xff\xff", "never used": b"\xc1"}


def new_id():
    """A fresh one for each request: one that was answered already gets the same answer again."""
    global last_id
    last_id = next(given)
    return last_id


def still_answers(c):
    check = c.call("ping")
    assert check["mono"] > 0


def refused(c, *frames):
    """Send the frames as they are; the refusal."""
    c.send_raw(*frames)
    part, = c.receive()
    assert not part.envelope["ok"], f"it was answered: {part.envelope}"
    r = Refused(part.envelope)
    check_refusal(r)
    equal(r.retry, False, "retry")
    return r


def expect(c, code, id, *frames):
    r = refused(c, *frames)
    equal((r.code, r.reply["id"]), (code, last_id if id is ID else id), r.msg)
    still_answers(c)
    return r


def raw_map(*pairs):
    """A map from encoded keys and values, so that it can be wrong."""
    return bytes([0x80 | len(pairs)]) + b"".join(pack(k) + v for k, v in pairs)


def request(**more):
    """An envelope with something else in it; None leaves a key out."""
    envelope = {"v": 1, "id": new_id(), "op": "ping", **more}
    return pack({k: v for k, v in envelope.items() if v is not None})


def nest(depth):
    """Lists in lists: @depth containers."""
    return b"\x91" * (depth - 1) + b"\x90"


@test("nothing at all: no envelope, an envelope of 0 bytes")
def nothing(broker):
    with broker.client(delimiter=True) as c:  # a frame of 0 bytes at the front is a delimiter
        expect(c, "E_PROTO", None)
        expect(c, "E_PROTO", None, b"")
        expect(c, "E_PROTO", None, b"", b"blob")


@test("500 frames of random bytes are 500 refusals")
def random_bytes(broker):
    rng = random.Random(1)
    with broker.client() as c:
        for _ in range(500):
            frame = rng.randbytes(rng.randrange(1, 300))
            equal(refused(c, frame).code, "E_PROTO", frame.hex())
        still_answers(c)


@test("500 envelopes with one byte changed are answered, well or badly")
def changed_bytes(broker):
    rng = random.Random(2)
    with broker.client() as c:
        for _ in range(500):
            frame = bytearray(request(op="store_snapshot", b="changed", t=1000,
                                      p={"tag": "t0", "step": 3, "stats": {"a": [1, 2, {"b": None}]}}))
            frame[rng.randrange(len(frame))] = rng.randrange(256)
            c.send_raw(bytes(frame), reports.head())
            part, = c.receive()
            if not part.envelope["ok"]:
                check_refusal(Refused(part.envelope))
                assert part.envelope["e"]["code"] in ("E_PROTO", "E_ARG", "E_OP"), part.envelope
        still_answers(c)


@test("every cut of a good request is refused")
def truncated(broker):
    good = request(op="has", p={"tag": "t0"})
    with broker.client() as c:
        for n in range(1, len(good)):
            r = refused(c, good[:n])
            equal(r.code, "E_PROTO", f"the first {n} bytes")
            assert r.reply["id"] in (None, last_id), r.reply
        still_answers(c)


@test("bytes behind the envelope are refused")
def trailing(broker):
    with broker.client() as c:
        expect(c, "E_PROTO", ID, request() + b"\xc0")
        frame = request()
        expect(c, "E_PROTO", ID, frame + frame)


@test("msgpack that is no map is no envelope")
def no_map(broker):
    with broker.client() as c:
        for value in (None, True, 1, -1, 1.5, "ping", b"ping", [1, 7, "ping"], msgpack.ExtType(5, b"x")):
            expect(c, "E_PROTO", None, pack(value))


@test("depth 32 is taken, depth 33 is refused")
def depth(broker):
    def store(depth):  # the envelope is 1 deep, p is 2
        return raw_map(("v", pack(1)), ("id", pack(new_id())), ("op", pack("store_snapshot")), ("b", pack("deep")),
                       ("p", raw_map(("tag", pack("t0")), ("stats", nest(depth - 2)))))
    with broker.client() as c:
        c.send_raw(store(32), reports.head())
        part, = c.receive()
        assert part.envelope["ok"], part.envelope
        expect(c, "E_PROTO", ID, store(33), reports.head())
        expect(c, "E_PROTO", None, nest(33))
        expect(c, "E_PROTO", None, nest(100000))
        expect(c, "E_PROTO", None, b"\x81" * 100000)


@test("counts that the frame cannot hold are refused before anything is allocated")
def counts(broker):
    with broker.client() as c:
        before = c.call("status")["rss_bytes"]
        for name, object in HUGE.items():
            expect(c, "E_PROTO", None, object)
            expect(c, "E_PROTO", ID, raw_map(("v", pack(1)), ("id", pack(new_id())), ("op", pack("ping")), ("p", object)))
            expect(c, "E_PROTO", ID, raw_map(("v", pack(1)), ("id", pack(new_id())), ("op", object)))
        assert c.call("status")["rss_bytes"] < before + (64 << 20), "it grew"


@test("another protocol version is refused as such")
def version(broker):
    with broker.client() as c:
        for v in (0, 2, 255, 2**64 - 1):
            r = expect(c, "E_PROTO", ID, request(v=v))
            assert "version" in r.msg or v > 127, r.msg
        for v in (-1, "1", 1.0, True, [1]):
            expect(c, "E_PROTO", ID, request(v=v))
        expect(c, "E_PROTO", ID, request(v=None))


@test("an unknown op is E_OP")
def unknown_op(broker):
    with broker.client() as c:
        for op in ("pong", "Ping", "ping ", "x" * 64, "\u00e9"):
            r = expect(c, "E_OP", ID, request(op=op))
        assert "describe" in r.msg, r.msg
        expect(c, "E_PROTO", ID, request(op=None))
        for op in (5, b"ping", ["ping"]):
            expect(c, "E_PROTO", ID, request(op=op))
        for op in ("", "x" * 65):
            expect(c, "E_ARG", ID, request(op=op))


@test("an id is an unsigned integer or a string of at most 64 bytes")
def bad_ids(broker):
    with broker.client() as c:
        for id in (-1, 1.5, True, b"x", [1], {"a": 1}, "x" * 65, "\u00e9" * 33):
            expect(c, "E_PROTO", None, request(id=id))
        expect(c, "E_PROTO", None, raw_map(("v", pack(1)), ("id", b"\xc0"), ("op", pack("ping"))))
        expect(c, "E_PROTO", None, request(id=None))


@test("unknown and double keys of the envelope are refused")
def envelope_keys(broker):
    with broker.client() as c:
        for key in ("x", "V", "params", ""):
            expect(c, "E_PROTO", ID, request(**{key: 1}))
        expect(c, "E_PROTO", ID, raw_map(("v", pack(1)), ("id", pack(new_id())), ("op", pack("ping")), ("op", pack("bye"))))
        expect(c, "E_PROTO", ID, raw_map(("v", pack(1)), ("id", pack(new_id())), ("v", pack(1)), ("op", pack("ping"))))
        expect(c, "E_PROTO", ID, raw_map(("v", pack(1)), ("id", pack(new_id())), ("op", pack("ping")), (5, pack(5))))
        for value in ([], "x", 5, b""):
            expect(c, "E_PROTO", ID, request(p=value))
        for value in ("5", -1, 1.5):
            expect(c, "E_PROTO", ID, request(t=value))
        for value in (0, 3600001, 2**64 - 1):
            expect(c, "E_ARG", ID, request(t=value))


@test("params: missing, unknown, double, of the wrong type are E_ARG and name the key")
def params(broker):
    with broker.client() as c:
        cases = [("has", {}, "tag"), ("has", {"tag": "t", "tagg": 1}, "tagg"), ("has", {"tag": 5}, "tag"),
                 ("has", {"tag": b"t"}, "tag"), ("has", {"tag": None}, "tag"), ("ping", {"x": 1}, "x"),
                 ("hello", {"client": "c", "kind": "boss"}, "kind"), ("hello", {"client": "", "kind": "tool"}, "client"),
                 ("get", {"tag": "t", "as": "xml"}, "as"), ("replay", {"channel": "beat", "from": -1}, "from"),
                 ("replay", {"channel": "beat", "from": "newest"}, "from"),
                 ("replay", {"channel": "beat", "from": "last:"}, "from"),
                 ("replay", {"channel": "beat", "from": ""}, "from"),
                 ("open_bridge", {"limits": {"snapshots": 0}}, "snapshots"),
                 ("open_bridge", {"limits": {"snapshot": 1}}, "snapshot"),
                 ("capture_snapshot", {"tag": "t", "maps": ["*"] * 65}, "maps"),
                 ("capture_snapshot", {"tag": "t", "maps": [1]}, "maps"),
                 ("capture_snapshot", {"tag": "t", "step": 65536}, "step"),
                 ("capture_snapshot", {"tag": "t", "step": True}, "step"),
                 ("capture_snapshot", {"tag": "t", "boundary_ms": -1}, "boundary_ms"),
                 ("capture_snapshot", {"tag": "t", "elapsed_ms": 0.5}, "elapsed_ms")]
        for op, p, key in cases:
            r = expect(c, "E_ARG", ID, request(op=op, p=p))
            assert key in r.msg, f"{op} {p}: {r.msg}"
        double = raw_map(("tag", pack("a")), ("tag", pack("b")))
        expect(c, "E_ARG", ID, raw_map(("v", pack(1)), ("id", pack(new_id())), ("op", pack("has")), ("p", double)))


@test("tags have 1 to 64 bytes of UTF-8 without control characters; so have bridge names")
def tags(broker):
    good = ("t", "x" * 64, "\u00e9" * 32, "\u20ac" * 21, "a b", "a/b", "#1", "\U0001f600")
    bad = ("", "x" * 65, "\u00e9" * 33, "\u20ac" * 22, "a\nb", "a\0b", "\x1f", "\x7f", "\u0085", "a\tb")
    with broker.client() as c:
        for tag in good:
            equal(c.call("store_snapshot", {"tag": tag}, [reports.head()], b="tags")["tag"], tag)
            equal(c.call("has", {"tag": tag}, b="tags"), True)
            equal(c.call("has", {"tag": tag}, b=tag), False)
        for tag in bad:
            expect(c, "E_ARG", ID, request(op="store_snapshot", p={"tag": tag}), reports.head())
            expect(c, "E_ARG", ID, request(b=tag))
        for raw in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82"):
            tag = bytes([0xa0 | len(raw)]) + raw
            expect(c, "E_ARG", ID, raw_map(("v", pack(1)), ("id", pack(new_id())), ("op", pack("has")),
                                           ("p", raw_map(("tag", tag)))))
        equal(len(c.call("list", b="tags")), len(good))


@test("the wrong number of blobs is refused")
def blobs(broker):
    with broker.client() as c:
        def store():
            return request(op="store_snapshot", p={"tag": "t0"}, b="blobs")
        expect(c, "E_PROTO", ID, request(), b"blob")
        expect(c, "E_PROTO", ID, request(), b"")
        expect(c, "E_PROTO", ID, store())
        expect(c, "E_PROTO", ID, store(), reports.head(), reports.head())
        expect(c, "E_PROTO", ID, request(op="attach_object", p={"name": "x"}))


@test("too many frames are refused, however many there are")
def frames(broker):
    with broker.client() as c:
        for n in (16, 17, 24, 25, 300, 5000):
            expect(c, "E_PROTO", ID, request(), *[b"x"] * n)


@test("an envelope above MAX_CONTROL_FRAME is refused, one of that size is not")
def large(broker):
    def padded(size):
        def store(n):
            return request(id="large", op="store_snapshot", b="large", p={"tag": "t0", "stats": b"\0" * n})
        return store(size - len(store(65536)) + 65536)
    with broker.client() as c:
        frame = padded(1 << 20)
        equal(len(frame), 1 << 20)
        c.send_raw(frame, reports.head())
        part, = c.receive()
        assert part.envelope["ok"], part.envelope
        r = refused(c, padded((1 << 20) + 1), reports.head())
        equal((r.code, r.reply["id"]), ("E_PROTO", "large"))
        assert "MAX_CONTROL_FRAME" in r.msg and "1048576" in r.msg and "--max-frame" in r.msg, r.msg
        equal(refused(c, padded(2 << 20), reports.head()).code, "E_PROTO")
        still_answers(c)


@test("limits of frames can be set: --max-frame 2048, --max-blob 4096")
def frame_limits(broker):
    with Broker(args=("--max-frame", "2048", "--max-blob", "4096")) as other, other.client() as c:
        limits = c.call("hello", {"client": "c", "kind": "tool"})["limits"]
        equal((limits["MAX_CONTROL_FRAME"], limits["MAX_BLOB"]), (2048, 4096))
        r = refused(c, request(op="x" * 2048))
        equal(r.code, "E_PROTO")
        assert "2048" in r.msg, r.msg
        c.call("store_snapshot", {"tag": "t0"}, [reports.sized(4096)])
        for size in 4097, 8192, 70000:
            e = c.refusal("store_snapshot", {"tag": "t1"}, [reports.sized(size)])
            equal(e.code, "E_PROTO")
            assert "MAX_BLOB" in e.msg and "4096" in e.msg and "--max-blob" in e.msg, e.msg
        # what is far above the larger of both is cut off by ZeroMQ itself, with the connection
        c.send("store_snapshot", {"tag": "t1"}, [reports.sized(71000)], id="cut")
        with other.client() as d:
            equal([row["tag"] for row in d.call("list")], ["t0"])


@test("a small --max-blob leaves envelopes as large as --max-frame allows")
def small_blobs(broker):
    with Broker(args=("--max-blob", "4096",)) as other, other.client() as c:
        c.call("store_snapshot", {"tag": "t0", "stats": b"\0" * 65536}, [reports.head()])


@test("a REQ socket gets its refusals too, and goes on")
def req(broker):
    with Client(broker.ipc, zmq.REQ) as c:
        for frame in (b"", b"\xc1", b"\xdd\xff\xff\xff\xff", pack([1]), request(v=2), request(op="pong"),
                      request(p={"x": 1})):
            refused(c, frame)
            still_answers(c)


@test("errors are counted by code and by op")
def counted(broker):
    def count(rows, key, value, what="n"):
        return next((row[what] for row in rows if row[key] == value), 0)
    with broker.client() as c:
        before = c.call("status")
        for _ in range(3):
            refused(c, b"\xc1")
            refused(c, request(op="has"))
        after = c.call("status")
        equal(count(after["errors"], "code", "E_PROTO") - count(before["errors"], "code", "E_PROTO"), 3)
        equal(count(after["errors"], "code", "E_ARG") - count(before["errors"], "code", "E_ARG"), 3)
        equal(count(after["ops"], "op", "has", "errors") - count(before["ops"], "op", "has", "errors"), 3)


@test("garbage on the work socket is dropped and counted")
def work_garbage(broker):
    def dropped(c):
        return {row["what"]: row["n"] for row in c.call("status")["dropped"]}.get("work_frame", 0)
    s = open_socket(zmq.DEALER, broker.work, b"garbage")
    with broker.client() as c:
        before = dropped(c)
        sent = [[b""], [b"\xc1"], [pack(5)], [pack({"k": "jump"})], [pack({"k": "join"})], [pack({"k": "done"})],
                [b"\xdd\xff\xff\xff\xff"], [pack({"k": "join", "v": 1, "name": "garbage", "target": "", "kind": "x",
                                                 "pid": 1, "host": ""})]]
        for frames in sent:
            s.send_multipart(frames)
        s.send(pack({"k": "beat", "accessor": 1, "seqno": 1}))  # nobody who joined: the broker says leave
        assert s.poll(20000), "no answer"
        equal(unpack(s.recv()), {"k": "leave", "reason": "it has not joined, or was lost"})
        equal(dropped(c) - before, len(sent))
    s.close()


@test("a join of another version, or under another routing id, is refused")
def bad_joins(broker):
    for identity, message in ((b"j1", {"v": 2, "name": "j1"}), (b"j1", {"v": 1, "name": "j2"})):
        s = open_socket(zmq.DEALER, broker.work, identity)
        s.send(pack({"k": "join", "target": "py", "kind": "python", "pid": 1, "host": "box", **message}))
        assert s.poll(20000), "no answer"
        equal(unpack(s.recv())["k"], "refused")
        s.close()


@test("garbage on the live socket harms nobody")
def live_garbage(broker):
    s = open_socket(zmq.XSUB, broker.live)
    for frame in (b"", b"\x05", b"\x01", b"\x00nothing", b"\x01" + b"x" * 70000, b"\xff" * 100):
        s.send(frame)
    with Live(broker.live, "snapshot/") as live, broker.client() as c:
        c.call("store_snapshot", {"tag": "after garbage"}, [reports.head()])
        equal(live.next(lambda h: h["k"] == "captured")["tag"], "after garbage")
    s.close()


@test("observers may not capture: --role observe")
def rights(broker):
    import os
    import subprocess
    help = subprocess.run([os.environ["KSNAP"], "serve", "--help"], capture_output=True, text=True, check=True)
    require("role", "--role" in help.stdout + help.stderr, "ksnap serve has no --role")
    with Broker(args=("--role", "observe")) as other, other.client() as c:
        equal(c.call("hello", {"client": "c", "kind": "monitor"})["rights"], ["observe"])
        for op, p in (("capture_snapshot", {"tag": "t0"}), ("capture_snapshot", {"nonsense": 1}), ("drain", {}),
                      ("close_bridge", {})):
            r = c.refusal(op, p)
            check_refusal(r)
            equal((r.code, r.cls, r.retry), ("E_DENIED", "access", False))
        equal(c.call("list"), [])


def main():
    with Broker() as broker:
        return run(broker, on_failure=broker.tell)


if __name__ == "__main__":
    sys.exit(main())
