# SPDX-License-Identifier: MIT
"""Sessions: names, what they own and lose, and answers that are given twice but made once."""
import sys

import zmq

import reports
from bus import Client, Live, Late
from serve import Broker
from shapes import check_header, check_refusal
from tap import equal, run, test
from worker import Worker

HEAD = reports.head()
OBJECT = b"\x7fELF object"
JOBS = {"attach_object": lambda p, blobs: ({"maps": [1], "progs": [2]}, None)}
FREEZES = {op: lambda p, blobs: ({"cgroup": p["cgroup"]}, None) for op in ("freeze", "thaw")}


def sessions(c):
    return c.call("status")["sessions"]


def named(c, name):
    return [row for row in sessions(c) if row["name"] == name]


def dropped(c, what):
    return {row["what"]: row["n"] for row in c.call("status")["dropped"]}.get(what, 0)


def hello(c, name, **more):
    return c.call("hello", {"client": name, "kind": "executor", **more})


def attach(c, name, target, b="default"):
    return c.call("attach_object", {"name": name, "target": target}, [OBJECT], b=b)


@test("a session has no name before hello, then the one it gave")
def names(broker):
    with broker.client() as c:
        last = sessions(c)[-1]
        equal((last["name"], last["kind"], "pid" in last, last["ops"]), ("", "", False, 1))
        hello(c, "first", pid=4711)
        hello(c, "second \u00e9", pid=2**32)
        row, = named(c, "second \u00e9")
        equal((row["kind"], row["pid"], row["in_flight"], row["ops"], row["errors"], row["owns"]),
              ("executor", 2**32, 1, 4, 0, []))
        equal(named(c, "first"), [])
        c.refusal("has", {})
        equal(named(c, "second \u00e9")[0]["errors"], 1)


@test("each connection is a session; several may have one name")
def connections(broker):
    with broker.client() as c, broker.client() as d, Client(broker.tcp, zmq.REQ) as e:
        for x in c, d, e:
            hello(x, "many")
        equal(len(named(c, "many")), 3)


@test("bye releases what it owns at once: the worker is told to detach")
def bye(broker):
    with Worker(broker.work, "w-bye", "bye", JOBS) as w, broker.client() as c, broker.client() as d:
        hello(c, "bye")
        for name in "one", "two":
            attach(c, name, "bye")
            w.wait("job")
        equal(sorted(named(c, "bye")[0]["owns"]), ["object one", "object two"])
        r = d.refusal("attach_object", {"name": "one", "target": "bye"}, [OBJECT])
        check_refusal(r)
        equal(r.code, "E_STATE")
        equal(sorted(c.call("bye")["released"]), ["object one", "object two"])
        jobs = []
        for _ in range(2):
            job = w.wait("job")
            equal(job["op"], "detach_object")
            jobs.append(job["p"]["name"])
            w.done(job["job"], {})
        equal(sorted(jobs), ["one", "two"])
        equal(named(d, "bye"), [])
        attach(d, "one", "bye")
        equal(c.call("bye")["released"], [])


@test("detach_object may be asked by another session, and the name is free again")
def detach(broker):
    with Worker(broker.work, "w-det", "det", {**JOBS, "detach_object": lambda p, blobs: ({}, None)}), \
            broker.client() as c, broker.client() as d:
        hello(c, "owner")
        attach(c, "probe", "det")
        d.call("detach_object", {"name": "probe"})
        equal(named(c, "owner")[0]["owns"], [])
        attach(d, "probe", "det")


@test("a session that owns something and is silent for five heartbeats is lost; what it stored stays")
def lost(broker):
    with Worker(broker.work, "w-lost", "lost", JOBS) as w, broker.client() as c, broker.client() as d, \
            broker.client() as idle, Live(broker.live, "event/l1", "event/l2") as live:
        for x, name in (c, "loser"), (d, "keeper"), (idle, "idle"):
            hello(x, name)
        c.call("store_snapshot", {"tag": "t0"}, [HEAD], b="l1")
        c.call("store_snapshot", {"tag": "t0"}, [HEAD], b="l2")
        attach(c, "lost one", "lost", b="l1")
        attach(d, "kept one", "lost", b="l1")
        told = {}
        while "session_lost" not in told:
            try:
                header = live.wait(lambda h: h["k"] == "session_lost", 500)[1]
                told[header["k"]] = header
            except Late:
                d.call("ping")
        check_header(header, "event_session_lost")
        equal((header["client"], header["released"], header["reason"]),
              ("loser", "object lost one", "silent for 5 heartbeats"))
        while (job := w.wait("job"))["op"] != "detach_object":
            pass
        equal(job["p"]["name"], "lost one")
        equal(named(d, "loser"), [])
        equal(named(d, "keeper")[0]["owns"], ["object kept one"])
        equal(len(named(d, "idle")), 1)  # it owns nothing: nothing to lose
        equal(d.call("has", {"tag": "t0"}, b="l1"), True)
        other = live.next(lambda h: h["k"] == "session_lost")  # raised on every bridge it used
        equal({header["ch"], other["ch"]}, {"event/l1", "event/l2"})


def next_lost(live, pinging, name):
    """The event of this client's loss; meanwhile another one stays alive."""
    while True:
        try:
            return live.wait(lambda h: h["k"] == "session_lost" and h["client"] == name, 500)[1]
        except Late:
            pinging.call("ping")


@test("the loss of a session that only froze or attached something is told on the bridge where it asked for that")
def lost_without_bridge(broker):
    jobs = {**FREEZES, **JOBS}
    with Worker(broker.work, "w-only", "only", jobs), broker.client() as c, broker.client() as d, broker.client() as e, \
            broker.client() as pinging, Live(broker.live, "event/") as live:
        hello(c, "froze")
        c.call("freeze", {"cgroup": "/only", "target": "only"})
        hello(d, "froze there")
        d.call("freeze", {"cgroup": "/there", "target": "only"}, b="there")
        hello(e, "attached")
        attach(e, "only", "only", b="attached")
        told = [next_lost(live, pinging, name) for name in ("froze", "froze there", "attached")]
        equal([(h["ch"], h["released"]) for h in told],
              [("event/default", "frozen cgroup /only"), ("event/there", "frozen cgroup /there"), ("event/attached", "object only")])
        for name in "default", "there", "attached":
            equal([ev["k"] for ev in pinging.call("drain_events", b=name)].count("session_lost"), 1)


@test("a session that was lost is the same client when it speaks again: by its name, and nothing is done twice")
def lost_and_heard_again(broker):
    with Worker(broker.work, "w-back", "back", FREEZES), broker.client() as c, broker.client() as nameless, \
            broker.client() as d, Live(broker.live, "event/back") as live:
        hello(c, "back", pid=7)
        for x, name in (c, "back"), (nameless, ""):
            x.call("freeze", {"cgroup": f"/back{name}", "target": "back"})
            x.part("store_snapshot", {"tag": "t0"}, [HEAD], b="back", id="once")
        for name in "back", "":
            next_lost(live, d, name)
        equal((named(d, "back"), [row for row in sessions(d) if "/back" in "".join(row["owns"])]), ([], []))
        for x, seq in (c, 1), (nameless, 2):
            equal(x.call("store_snapshot", {"tag": "t0"}, [HEAD], b="back", id="once")["seq"], seq)
        row, = named(d, "back")
        equal((row["kind"], row["pid"], row["owns"]), ("executor", 7, []))
        equal(d.refusal("thaw", {"cgroup": "/back"}).code, "E_NOTFOUND")


def freezer(broker, w, name, pid, cgroup):
    c = broker.client()
    hello(c, name, pid=pid)
    c.call("freeze", {"cgroup": cgroup, "target": w.target})
    return c


@test("a client that comes back with its name and pid may thaw what it froze on another connection, and keeps the rest")
def comes_back(broker):
    with Worker(broker.work, "w-heir", "heir", FREEZES) as w, Live(broker.live, "event/default") as live, Live(broker.live, "beat") as beats, \
            broker.client() as c, broker.client() as namesake, broker.client() as other_kind:
        old = freezer(broker, w, "heir", 11, "/first")
        old.call("freeze", {"cgroup": "/second", "target": "heir"})
        old.close()
        c.ids = namesake.ids = other_kind.ids = iter(range(100, 1 << 30))  # as schemas/README.md says
        for x, kind, pid in (namesake, "executor", 12), (other_kind, "tool", 11):
            x.call("hello", {"client": "heir", "kind": kind, "pid": pid})
            r = x.refusal("thaw", {"cgroup": "/first"})
            check_refusal(r)
            equal(r.code, "E_STATE")
            assert "another session called heir" in r.msg, r.msg
        hello(c, "heir", pid=11)
        c.call("thaw", {"cgroup": "/first"})
        while "frozen cgroup /second" not in next(row for row in named(c, "heir") if row["in_flight"])["owns"]:
            beats.next(lambda h: h["k"] == "beat")
        c.call("freeze", {"cgroup": "/third", "target": "heir"})
        equal(sorted(c.call("bye")["released"]), ["frozen cgroup /second", "frozen cgroup /third"])
        while live.socket.poll(0):
            equal(live.message()[1].get("client") == "heir", False)


@test("two that claim one name and pid: who is heard keeps what it owns, and who is not loses it")
def two_of_a_name(broker):
    with Worker(broker.work, "w-two", "two", FREEZES) as w, broker.client() as c, broker.client() as d, \
            Live(broker.live, "event/default") as live:
        for x, id in (c, 200), (d, 300):
            x.ids = iter(range(id, 1 << 30, 1000))
            hello(x, "two", pid=13)
        c.call("freeze", {"cgroup": "/two", "target": "two"})
        r = d.refusal("thaw", {"cgroup": "/two"})
        equal(r.code, "E_STATE")
        equal(next_lost(live, d, "two")["released"], "frozen cgroup /two")


@test("what was asked before hello is not done again after it, neither here nor on another connection")
def before_hello(broker):
    with broker.client() as c, broker.client() as d:
        first = c.part("store_snapshot", {"tag": "t0"}, [HEAD], b="early", id="early")
        hello(c, "early", pid=8)
        equal(c.part("store_snapshot", {"tag": "t0"}, [HEAD], b="early", id="early").envelope, first.envelope)
        d.call("hello", {"client": "early", "kind": "executor", "pid": 8}, id="another hello")
        equal(d.part("store_snapshot", {"tag": "t0"}, [HEAD], b="early", id="early").envelope, first.envelope)


@test("what is still being done while its client says hello, by its first name or another, is not done again")
def under_way_at_hello(broker):
    with Worker(broker.work, "w-way", "way") as w, broker.client() as c, broker.client() as d:
        c.send("capture_cgroup_procs", {"tag": "t", "cgroup": "/", "target": "way"}, b="way", id="long")
        job = w.wait("job")["job"]
        for name in "way", "other name":
            hello(c, name, pid=9)
        d.call("hello", {"client": "way", "kind": "executor", "pid": 9}, id="another hello")
        again = {"tag": "t", "cgroup": "/", "target": "way"}
        equal(d.refusal("capture_cgroup_procs", again, b="way", id="long").code, "E_BUSY")
        w.done(job, {"pids": [1]})
        done, = c.receive()
        equal((done.envelope["id"], done.envelope["ok"]), ("long", True))
        equal(d.part("capture_cgroup_procs", again, b="way", id="long").envelope, done.envelope)


@test("bye tells of all that it released by its whole name, however many and long they are")
def bye_many(broker):
    with Worker(broker.work, "w-many", "many", FREEZES), broker.client() as c:
        hello(c, "freezer")
        names = ["/" + "\u20ac" * n for n in range(1, 100)]
        for name in names:
            c.call("freeze", {"cgroup": name, "target": "many"})
        equal(sorted(c.call("bye")["released"]), sorted(f"frozen cgroup {name}" for name in names))


@test("session_lost tells of what fits, splits no letter, and says how many things more were released")
def lost_many(broker):
    n, clients = 20, [broker.client() for _ in range(3)]
    with Worker(broker.work, "w-much", "much", FREEZES), broker.client() as keeper, Live(broker.live, "event/much") as live:
        for i, c in enumerate(clients):  # letters of three bytes, in three places
            hello(c, f"much {i}")
            c.call("store_snapshot", {"tag": "t0"}, [HEAD], b="much")
            for j in range(n):
                long = 200 if j == n - 1 else 15
                c.call("freeze", {"cgroup": f"/{i}/{j}" + "x" * i + "\u20ac" * long, "target": "much"})
        told = []
        while len(told) < len(clients):
            try:
                told.append(live.wait(lambda h: h["k"] == "session_lost", 500)[1])
            except Late:
                keeper.call("ping")
        for header in told:
            *things, more = header["released"].split(", ")
            i = int(header["client"].split()[1])
            assert len(header["released"].encode()) < 512 and len(things) >= 5, header
            equal(more, f"and {n - len(things)} more")
            assert things[0].endswith("\u20ac...") and len(things[0].encode()) <= 128 + 3, things[0]
            equal(things[1:], [f"frozen cgroup /{i}/{n - 1 - j}" + "x" * i + "\u20ac" * 15 for j in range(1, len(things))])
        equal([e["released"] for e in keeper.call("drain_events", b="much") if e["k"] == "session_lost"],
              [header["released"] for header in told])
    for c in clients:
        c.close()


@test("a worker that dies takes its objects with it")
def worker_dies(broker):
    with broker.client() as c, Live(broker.live, "worker") as live:
        hello(c, "owner2")
        with Worker(broker.work, "w-dies", "dies", JOBS):
            attach(c, "gone", "dies")
        with Worker(broker.work, "w-dies", "dies", JOBS):
            live.wait(lambda h: h["k"] == "lost" and h["worker"] == "w-dies")
            equal(named(c, "owner2")[0]["owns"], [])
            attach(c, "gone", "dies")


@test("a worker that dies idle is told on the bridges of the sessions that it held something for, with what it held")
def idle_worker_dies(broker):
    with broker.client() as c, broker.client() as d, Live(broker.live, "event/h1", "event/h2", "event/h3") as live:
        with Worker(broker.work, "w-held", "held", {**JOBS, **FREEZES}):
            for x, name, bridge, other in (c, "holder", "h1", "h2"), (d, "looker", "h3", "h3"):
                hello(x, name)
                x.call("store_snapshot", {"tag": "t0"}, [HEAD], b=other)
                x.call("store_snapshot", {"tag": "t0"}, [HEAD], b=bridge)
            c.call("freeze", {"cgroup": "/held", "target": "held"}, b="h1")
            attach(c, "probe", "held", b="h1")
            equal(len(named(c, "holder")[0]["owns"]), 2)
        told = []
        while len(told) < 2:
            try:
                told.append(live.wait(lambda h: h["k"] == "worker_lost", 500)[1])
            except Late:
                c.call("ping")
        for header in told:
            check_header(header, "event_worker_lost")
            equal((header["worker"], set(header["reason"].split("; released: ")[1].split(", ")), "job" in header),
                  ("w-held", {"frozen cgroup /held", "object probe"}, False))
        equal({header["ch"] for header in told}, {"event/h1", "event/h2"})
        equal([e["k"] for e in d.call("drain_events", b="h3") if e["k"] == "worker_lost"], [])
        equal(named(c, "holder")[0]["owns"], [])


@test("a repeated id gets the same answer, and the request is not executed again")
def repeated(broker):
    with broker.client() as c:
        for id in 1000, "again":
            first = c.part("store_snapshot", {"tag": "t0"}, [HEAD], b="cache", id=id)
            second = c.part("store_snapshot", {"tag": "t0"}, [HEAD], b="cache", id=id)
            equal(second.envelope, first.envelope)
        equal(c.call("list", b="cache")[0]["seq"], 2)
        equal(c.call("event_count", b="cache"), 1)
        first = c.refusal("has", {}, id="refused")
        equal(c.refusal("has", {}, id="refused").reply, first.reply)


@test("blobs are not kept: the same id again is E_STATE then")
def repeated_blobs(broker):
    with broker.client() as c:
        c.call("store_snapshot", {"tag": "t0"}, [HEAD], b="cache2")
        equal(c.part("get", {"tag": "t0"}, b="cache2", id="get").blobs, [HEAD])
        r = c.refusal("get", {"tag": "t0"}, b="cache2", id="get")
        check_refusal(r)
        equal(r.code, "E_STATE")
        equal(c.parts("drain", b="cache2", id="drain")[-1].r["count"], 1)
        equal(c.refusal("drain", b="cache2", id="drain").code, "E_STATE")


@test("a client that comes back under its name is known by it: its ids are too")
def known_by_name(broker):
    with broker.client() as c:
        hello(c, "comes back")
        first = c.part("store_snapshot", {"tag": "t0"}, [HEAD], b="cache3", id="only once")
    with broker.client() as c:
        c.call("hello", {"client": "comes back", "kind": "executor"}, id="hello 2")
        second = c.part("store_snapshot", {"tag": "t0"}, [HEAD], b="cache3", id="only once")
        equal(second.envelope, first.envelope)
    with broker.client() as c:
        hello(c, "another")
        equal(c.call("store_snapshot", {"tag": "t0"}, [HEAD], b="cache3", id="only once")["seq"], 2)


@test("256 answers are kept, the 257th drives out the first")
def cache_bound(broker):
    with broker.client() as c:
        for i in range(257):
            c.call("store_snapshot", {"tag": "t"}, [HEAD], b="cache4", id=f"r{i}")
        equal(c.call("store_snapshot", {"tag": "t"}, [HEAD], b="cache4", id="r1")["seq"], 2)
        equal(c.call("store_snapshot", {"tag": "t"}, [HEAD], b="cache4", id="r0")["seq"], 258)


@test("--max-sessions 3: the one silent for longest that owns nothing is forgotten")
def max_sessions(broker):
    with Broker(args=("--max-sessions", "3")) as other:
        clients = [other.client() for _ in range(5)]
        for i, c in enumerate(clients):
            hello(c, f"c{i}")
        equal([row["name"] for row in sessions(clients[4])], ["c2", "c3", "c4"])
        before = dropped(clients[4], "session_forgotten")
        clients[0].call("ping")
        equal([row["name"] for row in sessions(clients[4])][0:2], ["c3", ""])
        equal(dropped(clients[4], "session_forgotten") - before, 1)
        for c in clients:
            c.close()


@test("--max-sessions 2: who was forgotten has its answers after hello; what is not kept for want of room is counted")
def forgotten(broker):
    with Broker(args=("--max-sessions", "2")) as other, other.client() as c, other.client() as d:
        crowd = [other.client() for _ in range(4)]
        hello(c, "was here", pid=1)
        first = c.part("store_snapshot", {"tag": "t0"}, [HEAD], id="once")
        hello(crowd[0], "crowd 0", pid=10)
        before = dropped(crowd[0], "session_forgotten")
        hello(crowd[1], "crowd 1", pid=11)
        equal((dropped(crowd[1], "session_forgotten"), dropped(crowd[1], "answers_forgotten")), (before + 1, 0))
        d.call("hello", {"client": "was here", "kind": "executor", "pid": 1}, id="hello again")
        equal(d.part("store_snapshot", {"tag": "t0"}, [HEAD], id="once").envelope, first.envelope)
        for i in 2, 3:
            hello(crowd[i], f"crowd {i}", pid=10 + i)
        assert dropped(crowd[3], "answers_forgotten") > 0
        for x in crowd:
            x.close()


def main():
    with Broker() as broker:
        return run(broker, on_failure=broker.tell)


if __name__ == "__main__":
    sys.exit(main())
