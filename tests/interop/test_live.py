# SPDX-License-Identifier: MIT
"""The live bus: numbers without a hole, beats, payloads, and replay of what is kept."""
import json
import os
import signal
import subprocess
import sys

import reports
from bus import Live
from serve import Broker
from shapes import check_header, check_refusal, check_reply
from tap import equal, run, test

KEPT = 4096  # MAX_RETAINED_HEADERS
HEAD = reports.head()


def store(c, tag, b, **params):
    return c.call("store_snapshot", {"tag": tag, **params}, [HEAD], b=b)


def replay(c, channel, start):
    """(headers, last part)"""
    parts = c.parts("replay", {"channel": channel, "from": start})
    check_reply("replay", parts)
    *parts, last = [part.r for part in parts]
    return [part["header"] for part in parts], last


def numbers(headers):
    return [h["seq"] for h in headers]


@test("a capture is told on snapshot/ and on report/, there with the report itself")
def captured(broker):
    with Live(broker.live, "snapshot/cap", "report/cap") as live, broker.client() as c:
        r = c.call("capture_snapshot", {"tag": "t0", "step": 4}, b="cap")
        told = {}
        for _ in range(2):
            channel, header, payload = live.wait(lambda h: h["k"] == "captured")
            told[channel] = header, payload
        equal(sorted(told), ["report/cap", "snapshot/cap"])
        for channel, (header, payload) in told.items():
            check_header(header, "live_captured")
            equal((header["ch"], header["seq"], header["tag"], header["stored_seq"], header["bytes"], header["step"]),
                  (channel, 1, "t0", r["seq"], r["bytes"], 4))
            equal((header["maps"], header["reason_count"]), (2, 0))
        equal(told["snapshot/cap"][1], None, "payload on snapshot/")
        assert told["report/cap"][1] == c.part("get", {"tag": "t0"}, b="cap").blobs[0], "another report"


@test("each channel counts by itself, from 1, without a hole")
def contiguous(broker):
    with Live(broker.live, "snapshot/one", "snapshot/two", "event/one", "event/two") as live, broker.client() as c:
        for i in range(100):
            store(c, f"t{i % 10}", "one")
            store(c, f"t{i % 20}", "two")
        store(c, "end", "two")
        got = {}
        for channel, header, payload in live.upto(lambda h: h.get("tag") == "end"):
            check_header(header, "event_overwrite" if header["k"] == "overwrite" else "live_captured")
            equal((header["ch"], payload), (channel, None))
            got.setdefault(channel, []).append(header)
        equal({channel: numbers(headers) for channel, headers in got.items()},
              {"snapshot/one": list(range(1, 101)), "snapshot/two": list(range(1, 102)),
               "event/one": list(range(1, 91)), "event/two": list(range(1, 81))})
        equal(len({h["epoch"] for headers in got.values() for h in headers}), 1)


@test("an event on the bus is the event of drain_events")
def same_event(broker):
    with Live(broker.live, "event/same") as live, broker.client() as c:
        store(c, "t", "same")
        store(c, "t", "same")
        header = live.next(lambda h: h["k"] == "overwrite")
        event, = c.call("drain_events", b="same")
        equal({k: header[k] for k in ("k", "seq", "tag", "prior_schema", "mono")}, {k: event[k] for k in event if k != "ts"})


@test("a beat tells the newest number of every channel, at once and then again and again")
def beat(broker):
    with broker.client() as c:
        for i in range(7):
            store(c, f"t{i % 2}", "beat")
        with Live(broker.live) as live:
            for header in live.first_beat, live.next(lambda h: h["k"] == "beat"):
                check_header(header, "live_beat")
                equal((header["ch"], header["seq"]), ("beat", 0))
                equal((header["last"]["snapshot/beat"], header["last"]["event/beat"]), (7, 5))
        equal(header["epoch"], c.call("status")["epoch"])
        rows = {row["channel"]: row for row in c.call("status")["channels"]}
        equal(rows["event/beat"], {"channel": "event/beat", "published": 5, "retained": 5, "first": 1})


@test("replay: oldest, last:N, a number, 0, the newest, beyond, and a channel that is none")
def replays(broker):
    with broker.client() as c:
        for i in range(20):
            store(c, f"t{i}", "replay")
        channel = "snapshot/replay"
        for start, want in (("oldest", range(1, 21)), (1, range(1, 21)), (0, range(1, 21)), (5, range(5, 21)),
                            (20, [20]), (21, []), (2**64 - 1, []), ("last:3", range(18, 21)), ("last:20", range(1, 21)),
                            ("last:21", range(1, 21)), ("last:0", []), ("last:99999999999999999999", range(1, 21))):
            headers, last = replay(c, channel, start)
            equal(numbers(headers), list(want), f"from {start}")
            equal(last, {"first": want[0] if len(want) else 21, "last": 20, "lost": 0}, f"from {start}")
        for header in headers:
            check_header(header, "live_captured")
        for start in "oldest", 1, "last:5":
            headers, last = replay(c, "event/nobody", start)
            equal((headers, last["last"], last["lost"]), ([], 0, 0))


@test("what is replayed is what was published, to the byte")
def same_headers(broker):
    with Live(broker.live, "snapshot/bytes") as live, broker.client() as c:
        for i in range(5):
            store(c, f"t{i}", "bytes", step=i)
        published = [header for _, header, _ in live.upto(lambda h: h.get("tag") == "t4")]
        equal(replay(c, "snapshot/bytes", "oldest")[0], published)


@test("5000 messages on a channel that keeps 4096: the rest is counted as lost")
def lost(broker):
    n = 5000
    with broker.client() as c:
        c.call("open_bridge", {"limits": {"snapshots": 1, "events": 1}}, b="tiny")
        sent = got = 0
        while got < n:
            while sent < n and sent - got < 200:
                c.send("store_snapshot", {"tag": f"t{sent}"}, [HEAD], b="tiny")
                sent += 1
            part, = c.receive()
            assert part.envelope["ok"], part.envelope
            got += 1
        for channel, last_seq in ("snapshot/tiny", n), ("event/tiny", n - 1):
            gone = last_seq - KEPT
            for start, first, lost in ((1, gone + 1, gone), (gone, gone + 1, 1), (gone + 1, gone + 1, 0),
                                       ("oldest", gone + 1, 0), (f"last:{n}", gone + 1, gone),
                                       ("last:10", last_seq - 9, 0), (last_seq, last_seq, 0)):
                headers, last = replay(c, channel, start)
                equal(last, {"first": first, "last": last_seq, "lost": lost}, f"{channel} from {start}")
                equal(numbers(headers), list(range(first, last_seq + 1)), f"{channel} from {start}")
        row, = [row for row in c.call("status")["channels"] if row["channel"] == "event/tiny"]
        equal((row["published"], row["retained"], row["first"]), (n - 1, KEPT, n - KEPT))
        event, mark = c.call("drain_events", b="tiny")
        equal((event["seq"], mark["dropped_count"]), (n - 1, n - 2))


@test("subscribe, replay, go on live: no hole and nothing twice")
def follow(broker):
    with broker.client() as c:
        for i in range(50):
            store(c, f"t{i}", "follow")
        with Live(broker.live, "snapshot/follow") as live:
            for i in range(50, 60):
                store(c, f"t{i}", "follow")
            headers, last = replay(c, "snapshot/follow", 1)
            for i in range(60, 70):
                store(c, f"t{i}", "follow")
            headers += [h for _, h, _ in live.upto(lambda h: h.get("tag") == "t69") if h["seq"] > last["last"]]
        equal([(h["seq"], h["tag"]) for h in headers], [(i + 1, f"t{i}") for i in range(70)])


@test("a prefix takes the channels of all bridges")
def prefix(broker):
    with Live(broker.live, "snapshot/") as live, broker.client() as c:
        for b in "pa", "pb", "pc":
            store(c, "t", b)
        got = live.upto(lambda h: h["ch"] == "snapshot/pc")
        equal([channel for channel, _, _ in got], ["snapshot/pa", "snapshot/pb", "snapshot/pc"])


@test("a bridge that is closed and opened again goes on counting")
def reopened(broker):
    with Live(broker.live, "snapshot/again") as live, broker.client() as c:
        for i in range(3):
            equal(store(c, "t", "again")["seq"], 1)
            c.call("close_bridge", b="again")
        got = [live.next(lambda h: h["k"] == "captured")["seq"] for _ in range(3)]
        equal(got, [1, 2, 3])


@test("bridge and channel names of 64 bytes fit")
def long_names(broker):
    name = "\u00e9" * 32
    with Live(broker.live, f"event/{name}") as live, broker.client() as c:
        store(c, "t", name)
        store(c, "t", name)
        equal(live.next(lambda h: h["k"] == "overwrite")["ch"], f"event/{name}")
        equal(len(replay(c, f"snapshot/{name}", "oldest")[0]), 2)
        r = c.refusal("replay", {"channel": "x" * 81, "from": 1})
        check_refusal(r)
        equal(r.code, "E_ARG")


@test("two brokers have two epochs")
def epochs(broker):
    with Broker() as other, other.client() as c, broker.client() as d:
        assert c.call("status")["epoch"] != d.call("status")["epoch"]


def stored_on_new_bridges(c, names):
    """Each has a bridge of its own, which is closed again."""
    for b in names:
        store(c, "t", b)
        c.call("close_bridge", b=b)


def told_of(monitor, last):
    """Bridges that a monitor prints messages of, up to this one's report."""
    got = []
    while not got or got[-1] != f"report/{last}":
        line = json.loads(monitor.stdout.readline())
        if line["type"] == "message":
            got.append(line["ch"])
    return {ch.removeprefix("report/") for ch in got if ch.startswith("report/")}


@test("a monitor outlives any number of bridges that come and go: channels that are gone make room for others")
def come_and_go(broker):
    rounds, at_once = 9, 1000  # two channels a bridge: 18000 in all, and a monitor knows 16384 at once
    with Broker(args=("--workers", "none")) as other, other.client() as c, Live(other.live) as beats:
        monitor = subprocess.Popen([os.environ["KSNAP"], "-q", "-e", other.ipc, "monitor", "--from", "oldest", "-o", "jsonl",
                                    "--channel", "snapshot/", "--channel", "report/"], stdout=subprocess.PIPE, text=True)
        try:
            store(c, "t", "first")
            told_of(monitor, "first")
            for r in range(rounds):
                for i in range(0, at_once, 25):  # not more than it follows without a loss
                    names = [f"b{r}.{i + j}" for j in range(25)]
                    stored_on_new_bridges(c, names)
                    equal(told_of(monitor, names[-1]), set(names))
                for _ in range(2):
                    last = beats.next(lambda h: h["k"] == "beat")["last"]
                assert len(last) < 300, "the broker forgets none"
            monitor.send_signal(signal.SIGINT)
            equal(monitor.wait(20), 0)
        finally:
            monitor.kill()
            monitor.communicate()


def main():
    with Broker() as broker:
        return run(broker, on_failure=broker.tell)


if __name__ == "__main__":
    sys.exit(main())
