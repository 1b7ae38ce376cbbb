# SPDX-License-Identifier: MIT
"""What a bridge stores: tags, caps, evictions, events, drains; with reports made by hand."""
import sys

import reports
from bus import pack
from serve import Broker
from shapes import check, check_refusal, check_reply, faults
from tap import equal, run, test

HEAD = reports.head()


def store(c, tag, b, blob=HEAD, **params):
    return c.call("store_snapshot", {"tag": tag, **params}, [blob], b=b)


def tags(c, b):
    return [row["tag"] for row in c.call("list", b=b)]


def events(c, b, *keys):
    """The events of a bridge, each as its kind and the values of @keys it has."""
    got = c.call("drain_events", b=b)
    for event in got:
        found = faults(f"event_{event['k']}", event)
        assert not found, found
    return [(event["k"], *[event[key] for key in keys if key in event]) for event in got]


def bridge_row(c, b):
    row, = [row for row in c.call("status")["bridges"] if row["name"] == b]
    equal(row["accepted"], row["stored"] + row["evicted"] + row["overwritten"] + row["drained"], "accounting")
    return row


@test("a tag that nobody stored is E_NOTFOUND, a bridge that nobody opened too")
def missing(broker):
    with broker.client() as c:
        for op, p in ("get", {"tag": "t0"}), ("cgroup_procs_by_tag", {"tag": "t0"}), ("close_bridge", {}):
            r = c.refusal(op, p, b="missing" if op != "close_bridge" else "never")
            check_refusal(r)
            equal((r.code, r.cls, r.retry), ("E_NOTFOUND", "state", False))


@test("a blob that does not begin as a report is refused and changes nothing")
def bad_heads(broker):
    bad = [b"", b"\xc1", pack(5), pack({}), pack({"placeholder": False, "complete": True, "schema": "ksnap.report/1"}),
           pack({"schema": "ksnap.report/1"}), pack({"schema": "ksnap.report/1", "placeholder": 0, "complete": True}),
           pack({"schema": 5, "placeholder": False, "complete": True}), HEAD[:-1], b"\xdf\xff\xff\xff\xff" + HEAD[1:20]]
    with broker.client() as c:
        for blob in bad:
            r = c.refusal("store_snapshot", {"tag": "t0"}, [blob], b="heads")
            check_refusal(r)
            assert r.code in ("E_ARG", "E_PROTO"), f"{blob!r}: {r}"
        equal(tags(c, "heads"), [])
        store(c, "t0", "heads", HEAD[:1] + HEAD[1:])
        equal(bridge_row(c, "heads")["accepted"], 1)


@test("only the head of a report is read: what follows may be anything")
def head_only(broker):
    blob = b"\x84" + HEAD[1:] + b"\xff\xc1 this is no msgpack"
    with broker.client() as c:
        store(c, "t0", "head", blob)
        equal(c.part("get", {"tag": "t0"}, b="head").blobs, [blob])


@test("the report's own words: placeholder and complete")
def words(broker):
    with broker.client() as c:
        equal(store(c, "bad", "words", reports.head(placeholder=True, complete=False))["complete"], False)
        row, = c.call("list", b="words")
        equal((row["placeholder"], row["complete"]), (True, False))
        equal(c.call("has", {"tag": "bad"}, b="words"), True)


@test("stats come back as they were given; none has a reason; both is E_ARG")
def stats(broker):
    values = [None, 0, 2**64 - 1, -(2**63), 1.5, "text", b"\0\xff", [1, [2]], {"a": {"b": [None, True]}, 5: 6}]
    with broker.client() as c:
        for value in values:
            store(c, "t0", "stats", stats=value)
            equal(c.call("get", {"tag": "t0"}, b="stats")["stats"], value)
        for reason in ("no_client", "during_freeze", "cancelled", "sched_error", "no_response", "too_large"):
            store(c, "t0", "stats", stats_reason=reason)
            r = c.call("get", {"tag": "t0"}, b="stats")
            equal((r["stats_reason"], "stats" in r), (reason, False))
        equal(c.refusal("store_snapshot", {"tag": "t0", "stats": 1, "stats_reason": "cancelled"}, [HEAD], b="stats").code,
              "E_ARG")


@test("an overwrite replaces all that came with the tag, and moves it to the back")
def overwrite(broker):
    with broker.client() as c:
        store(c, "a", "over", step=1, elapsed_ms=5, boundary_ms=4, stats={"x": 1})
        store(c, "b", "over")
        equal(store(c, "a", "over")["seq"], 3)
        equal(tags(c, "over"), ["b", "a"])
        r = c.call("get", {"tag": "a"}, b="over")
        equal(sorted(r), ["bytes", "complete", "placeholder", "seq", "stats_reason", "tag", "ts"])
        equal(events(c, "over", "tag", "prior_schema"), [("overwrite", "a", "ksnap.report/1")])
        row = bridge_row(c, "over")
        equal((row["stored"], row["accepted"], row["overwritten"]), (2, 3, 1))


@test("300 tags into 64 places: the last 64 remain, 236 evictions in order")
def evictions(broker):
    with broker.client() as c:
        for i in range(300):
            c.send("store_snapshot", {"tag": f"t{i}"}, [HEAD], b="evict")
        for i in range(300):
            equal(c.receive()[0].r["seq"], i + 1)
        equal(tags(c, "evict"), [f"t{i}" for i in range(236, 300)])
        equal(c.call("event_count", b="evict"), 236)
        equal(events(c, "evict", "evicted_tag", "new_tag", "cap", "cap_bytes"),
              [("eviction", f"t{i}", f"t{i + 64}", 64) for i in range(236)])
        row = bridge_row(c, "evict")
        equal((row["stored"], row["evicted"], row["bytes"]), (64, 236, 64 * len(HEAD)))


@test("the byte cap evicts the oldest; one report above it is refused and changes nothing")
def byte_cap(broker):
    with broker.client() as c:
        c.call("open_bridge", {"limits": {"bytes": 10000}}, b="bytes")
        for tag in "abc":
            store(c, tag, "bytes", reports.sized(4000))
        equal(tags(c, "bytes"), ["b", "c"])
        store(c, "d", "bytes", reports.sized(10000))
        equal(tags(c, "bytes"), ["d"])
        equal(events(c, "bytes", "evicted_tag", "new_tag", "cap", "cap_bytes"),
              [("eviction", "a", "c", 64, 10000), ("eviction", "b", "d", 64, 10000), ("eviction", "c", "d", 64, 10000)])
        r = c.refusal("store_snapshot", {"tag": "d"}, [reports.sized(10001)], b="bytes")
        check_refusal(r)
        equal((r.code, r.cls, r.retry), ("E_LIMIT", "limit", False))
        assert "MAX_STORED_BYTES" in r.msg and "10000" in r.msg, r.msg
        equal(c.call("get", {"tag": "d"}, b="bytes")["bytes"], 10000)
        equal(events(c, "bytes", "tag", "bytes", "cap_bytes"), [("report_refused", "d", 10001, 10000)])
        row = bridge_row(c, "bytes")
        equal((row["refused"], row["bytes"]), (1, 10000))


@test("an event log that is full says how many it lost, once")
def event_cap(broker):
    with broker.client() as c:
        c.call("open_bridge", {"limits": {"events": 5}}, b="events")
        for _ in range(9):
            store(c, "t", "events")
        equal(c.call("event_count", b="events"), 5)
        got = c.call("drain_events", b="events")
        equal([e["seq"] for e in got], [4, 5, 6, 7, 8, 0])
        check("event_event_log_truncated", got[-1])
        equal(got[-1]["dropped_count"], 3)
        equal(c.call("drain_events", b="events"), [])
        equal(bridge_row(c, "events")["events_dropped"], 3)


@test("open_bridge: its limits, the broker's as the most, the same again, others E_STATE")
def open_bridge(broker):
    defaults = {"snapshots": 64, "bytes": 256 << 20, "events": 1024, "watches": 3}
    with broker.client() as c:
        equal(c.call("open_bridge", b="open1")["limits"], defaults)
        equal(c.call("open_bridge", {"limits": {}}, b="open1")["limits"], defaults)
        wanted = {"snapshots": 2, "bytes": 5000, "events": 3, "watches": 1}
        equal(c.call("open_bridge", {"limits": wanted}, b="open2"), {"bridge": "open2", "limits": wanted})
        equal(c.call("open_bridge", {"limits": wanted}, b="open2")["limits"], wanted)
        for limits in {**wanted, "snapshots": 3}, {}, {"snapshots": 2}:
            r = c.refusal("open_bridge", {"limits": limits}, b="open2")
            check_refusal(r)
            equal(r.code, "E_STATE")
        for key, most in defaults.items():
            r = c.refusal("open_bridge", {"limits": {key: most + 1}}, b="open3")
            check_refusal(r)
            equal((r.code, r.cls), ("E_LIMIT", "limit"))
            assert str(most) in r.msg and "--max-" in r.msg, r.msg
        assert "open3" not in [row["name"] for row in c.call("status")["bridges"]], "it was opened all the same"
        c.call("close_bridge", b="open2")
        equal(c.call("open_bridge", b="open2")["limits"], defaults)


@test("limits of the broker: --max-bridges 3, --max-snapshots 5, and hello tells them")
def broker_limits(broker):
    with Broker(args=("--max-bridges", "3", "--max-snapshots", "5")) as other, other.client() as c:
        hello = c.call("hello", {"client": "c", "kind": "tool"})
        equal(hello["bridge_limits"]["snapshots"], 5)
        equal((hello["limits"]["MAX_BRIDGES"], hello["limits"]["MAX_STORED_SNAPSHOTS"]), (3, 5))
        for i in range(9):
            store(c, f"t{i}", "b1")
        equal(tags(c, "b1"), [f"t{i}" for i in range(4, 9)])
        equal(c.refusal("open_bridge", {"limits": {"snapshots": 6}}, b="b2").code, "E_LIMIT")
        store(c, "t", "b2")
        store(c, "t", "b3")
        r = c.refusal("store_snapshot", {"tag": "t"}, [HEAD], b="b4")
        check_refusal(r)
        equal(r.code, "E_LIMIT")
        assert "MAX_BRIDGES" in r.msg and "--max-bridges" in r.msg and "3" in r.msg, r.msg
        c.call("close_bridge", b="b2")
        store(c, "t", "b4")


@test("drain gives everything in FIFO order with its stats, and leaves the store empty")
def drain(broker):
    with broker.client() as c:
        for i in range(5):
            store(c, f"t{i}", "drain", reports.sized(1000 + i), step=i, stats={"i": i})
        store(c, "t1", "drain", reports.sized(2000), boundary_ms=7)
        parts = c.parts("drain", {"as": "report"}, b="drain")
        check_reply("drain", parts)
        *parts, last = parts
        equal([(p.r["tag"], p.r["seq"], len(p.blobs[0])) for p in parts],
              [("t0", 1, 1000), ("t2", 3, 1002), ("t3", 4, 1003), ("t4", 5, 1004), ("t1", 6, 2000)])
        equal([p.r.get("stats", p.r.get("stats_reason")) for p in parts], [{"i": 0}, {"i": 2}, {"i": 3}, {"i": 4}, "no_client"])
        equal(last.r, {"count": 5, "bytes": 1000 + 1002 + 1003 + 1004 + 2000})
        equal(tags(c, "drain"), [])
        equal(events(c, "drain"), [("overwrite",)])
        row = bridge_row(c, "drain")
        equal((row["drained"], row["overwritten"], row["bytes"]), (5, 1, 0))
        equal(store(c, "t0", "drain")["seq"], 7)


@test("periodic snapshots keep when they were due and when they came")
def periodic(broker):
    with broker.client() as c:
        for i in range(4):
            store(c, f"periodic_{i:03}", "periodic", step=2, boundary_ms=100 * i, elapsed_ms=100 * i + 3)
        equal([(r["tag"], r["step"], r["boundary_ms"], r["elapsed_ms"]) for r in c.call("list", b="periodic")],
              [(f"periodic_{i:03}", 2, 100 * i, 100 * i + 3) for i in range(4)])


@test("a report of 20 MiB comes back byte for byte, over tcp too")
def big(broker):
    blob = HEAD + bytes(range(256)) * (20 << 12)
    with broker.client() as c:
        equal(store(c, "big", "big", blob)["bytes"], len(blob))
    from bus import Client
    with Client(broker.tcp) as c:
        assert c.part("get", {"tag": "big"}, b="big").blobs == [blob], "other bytes"
        c.call("close_bridge", b="big")


@test("bridges do not see each other")
def apart(broker):
    with broker.client() as c:
        store(c, "t", "one")
        store(c, "t", "two", reports.sized(500))
        store(c, "t", "two")
        equal((c.call("event_count", b="one"), c.call("event_count", b="two")), (0, 1))
        c.parts("drain", b="two")
        equal(tags(c, "one"), ["t"])
        store(c, "t", None)
        equal(tags(c, "default"), ["t"])


def main():
    with Broker() as broker:
        return run(broker, on_failure=broker.tell)


if __name__ == "__main__":
    sys.exit(main())
