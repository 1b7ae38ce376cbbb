# SPDX-License-Identifier: MIT
"""A capture worker in Python, from the text of schemas/work.lua: jobs, errors, losses, accessors."""
import itertools
import sys
import time

import zmq

import reports
from bus import Live, open_socket, pack, receive, unpack
from serve import Broker
from shapes import check, check_header, check_refusal, check_reply
from tap import equal, run, test
from worker import Failed, Worker

REPORT = reports.head(maps=[])
numbers = itertools.count(1)


def captured(p, blobs):
    return reports.captured(2), REPORT


def fresh():
    """Names of a worker and a target that no other test uses."""
    n = next(numbers)
    return f"w{n}", f"py{n}"


def row_of(c, worker):
    rows = [row for row in c.call("status")["workers"] if row["name"] == worker]
    equal(len(rows), 1, f"rows of {worker}")
    return rows[0]


def capture(c, target, tag="t0", **more):
    return c.send("capture_snapshot", {"tag": tag, "target": target}, b=target, **more)


def answer(c, id):
    parts = c.receive()
    equal((len(parts), parts[0].envelope["id"]), (1, id))
    return parts[0]


def dropped(c, what):
    return {row["what"]: row["n"] for row in c.call("status")["dropped"]}.get(what, 0)


def refusal(c, id):
    part = answer(c, id)
    assert not part.envelope["ok"], part.envelope
    check("reply_envelope", part.envelope)
    return part.envelope["e"]


@test("join: welcomed, told on the live bus, seen in status")
def join(broker):
    name, target = fresh()
    with Live(broker.live, "worker") as live, Worker(broker.work, name, target) as w, broker.client() as c:
        check("work_welcome", w.welcome)
        equal((w.welcome["epoch"], w.welcome["heartbeat_ms"]), (c.call("status")["epoch"], 1000))
        header = live.next(lambda h: h["k"] == "joined" and h["worker"] == name)
        check_header(header, "live_joined")
        equal((header["worker"], header["target"], header["kind"]), (name, target, "python"))
        c.call("wait_accessor", {"target": target})
        row = row_of(c, name)
        equal((row["target"], row["kind"], row["state"], row["jobs"], row["accessor"], row["seqno"]),
              (target, "python", "idle", 0, "succeeded", 1))
        check("work_beat_broker", w.wait("beat"))


@test("a job carries the op's params as they were sent, and the time that is left")
def job(broker):
    name, target = fresh()
    p = {"tag": "t0", "target": target, "maps": ["a*", "!b"], "progs": True, "step": 7, "chase": 2,
         "freeze": "/some/cgroup"}
    with Worker(broker.work, name, target) as w, broker.client() as c:
        id = c.send("capture_snapshot", p, b=target, t=5000)
        job = w.wait("job")
        check("work_job", job)
        freezing = {key: job["p"].pop(key) for key in ("by", "host", "spared")}
        check("freezing", freezing)
        assert "the broker" in [row["who"] for row in freezing["spared"]], freezing
        equal((job["op"], job["p"]), ("capture_snapshot", p))
        assert 0 <= job["t"] <= 5000, job
        equal(row_of_busy(broker, name), "busy")
        w.done(job["job"], reports.captured(5, False, False, [reports.REASON]), blob=REPORT)
        part = answer(c, id)
        check_reply("capture_snapshot", [part])
        r = part.r
        equal((r["tag"], r["seq"], r["bytes"], r["maps"], r["complete"], r["reasons"]),
              ("t0", 1, len(REPORT), 5, False, [reports.REASON]))
        part = c.part("get", {"tag": "t0"}, b=target)
        equal((part.blobs, part.r["step"], part.r["complete"]), ([REPORT], 7, False))
        equal(row_of(c, name)["jobs"], 1)


def row_of_busy(broker, name):
    with broker.client() as c:
        return row_of(c, name)["state"]


@test("a failed job is refused with the worker's own words; capture_unavailable tells the bridge")
def failed(broker):
    name, target = fresh()
    errors = [("E_TARGET", "target", False), ("E_UNSUPPORTED", "target", False), ("E_NOTFOUND", "state", False),
              ("E_DENIED", "access", False), ("E_LIMIT", "limit", False)]
    with Worker(broker.work, name, target) as w, broker.client() as c, Live(broker.live, f"event/{target}") as live:
        for i, (code, cls, retry) in enumerate(errors):
            id = capture(c, target, f"t{i}")
            w.done(w.wait("job")["job"], e={"code": code, "class": cls, "msg": f"no luck {i}", "retry": retry})
            e = refusal(c, id)
            equal((e["code"], e["class"], e["retry"], e["msg"]), (code, cls, retry, f"no luck {i}"))
            header = live.next(lambda h: h["k"] == "capture_unavailable")
            check_header(header, "event_capture_unavailable")
            equal((header["tag"], header["reason"]), (f"t{i}", f"no luck {i}"))
        equal(c.call("list", b=target), [])
        row, = [row for row in c.call("status")["bridges"] if row["name"] == target]
        equal((row["unavailable"], row["accepted"]), (len(errors), 0))


def fail_periodic(c, w, target, tag, code):
    """A periodic capture that fails; the refusal, once what was stored for it is looked at."""
    id = c.send("capture_snapshot", {"tag": tag, "target": target, "boundary_ms": 100}, b=target)
    e = {"code": code, "class": "timeout", "msg": f"no luck with {tag}", "retry": False}
    w.done(w.wait("job")["job"], {**reports.captured(complete=False, placeholder=True), "e": e},
           blob=reports.head(placeholder=True, complete=False))
    got = refusal(c, id)
    row = next(r for r in c.call("list", b=target) if r["tag"] == tag)
    equal((row["placeholder"], row["complete"], row["boundary_ms"]), (True, False, 100))
    return got


@test("a failed periodic capture leaves a placeholder; two timeouts in a row are told, and what comes between is seen")
def periodic(broker):
    name, target = fresh()
    with Worker(broker.work, name, target) as w, broker.client() as c:
        for i, code in enumerate(["E_TIMEOUT", "E_TARGET", "E_TIMEOUT", "ok", "E_TIMEOUT", "E_TIMEOUT", "E_TIMEOUT"]):
            if code == "ok":
                id = c.send("capture_snapshot", {"tag": "t", "target": target, "boundary_ms": 1}, b=target)
                w.done(w.wait("job")["job"], reports.captured(), blob=REPORT)
                answer(c, id)
                continue
            e = fail_periodic(c, w, target, f"periodic_00{i}", code)
            equal((e["code"], e["msg"]), (code, f"no luck with periodic_00{i}"))
            told = [x for x in c.call("drain_events", b=target) if x["k"] == "periodic_abandoned"]
            equal([(x["tag"], x["timeouts"], x["reason"]) for x in told],
                  [("periodic_005", 2, "no luck with periodic_005")] if i == 5 else [])
        row, = [row for row in c.call("status")["bridges"] if row["name"] == target]
        equal((row["unavailable"], row["stored"]), (6, 7))


@test("a worker that answers nonsense fails its job, not the broker")
def nonsense(broker):
    name, target = fresh()
    with Worker(broker.work, name, target) as w, broker.client() as c:
        for r, blob in ((reports.captured(), None), ({}, REPORT), (5, REPORT), ({"maps": "many"}, REPORT),
                        ({**reports.captured(), "reasons": [5]}, REPORT)):
            id = capture(c, target)
            w.done(w.wait("job")["job"], r, blob=blob)
            e = refusal(c, id)
            assert e["code"] not in ("E_TIMEOUT", "E_WORKER_LOST"), e
        id = capture(c, target)
        job = w.wait("job")["job"]
        for other in 0, job - 1, job + 1, 2**64 - 1:
            w.done(other, reports.captured(), blob=REPORT)  # nobody's job: counted, nothing more
        w.done(job, reports.captured(1), blob=REPORT)
        equal(answer(c, id).r["maps"], 1)
        w.send({"k": "done", "job": job, "ok": False})
        c.call("ping")


@test("of the blobs behind an answer the first counts, and that there were more is counted")
def more_blobs(broker):
    name, target = fresh()
    with Worker(broker.work, name, target) as w, broker.client() as c:
        for n in 1, 2, 9:
            before = dropped(c, "work_frame")
            id = capture(c, target)
            w.send({"k": "done", "job": w.wait("job")["job"], "ok": True, "r": reports.captured(n)}, REPORT, *[b"more"] * (n - 1))
            equal(answer(c, id).r["maps"], n)
            equal(c.part("get", {"tag": "t0"}, b=target).blobs, [REPORT])
            equal(dropped(c, "work_frame") - before, int(n > 1))


@test("a worker that vanishes with a job and joins again: E_WORKER_LOST, and it works on")
def vanished(broker):
    name, target = fresh()
    with broker.client() as c, Live(broker.live, "worker", f"event/{target}") as live:
        with Worker(broker.work, name, target) as w:
            live.wait(lambda h: h["k"] == "joined" and h["worker"] == name)
            id = capture(c, target)
            job = w.wait("job")["job"]
        with Worker(broker.work, name, target, {"capture_snapshot": captured}):
            e = refusal(c, id)
            equal((e["code"], e["class"], e["retry"]), ("E_WORKER_LOST", "target", True))
            told = {}
            while len(told) < 4:
                header = live.next(lambda h: h["k"] != "beat" and h.get("worker", name) == name)
                told[header["k"]] = header
            check_header(told["lost"], "live_lost")
            check_header(told["worker_lost"], "event_worker_lost")
            check_header(told["capture_unavailable"], "event_capture_unavailable")
            for header in told["lost"], told["worker_lost"]:
                equal((header["worker"], header["target"], header["job"]), (name, target, job))
            equal(answer(c, capture(c, target)).r["maps"], 2)


@test("a worker that comes back under its name with nothing to do is welcomed")
def back(broker):
    name, target = fresh()
    with broker.client() as c:
        for life in 1, 2, 0, 0, 0:  # 0: it does not tell
            with Worker(broker.work, name, target, {"capture_snapshot": captured}, life=life) as w:
                check("work_welcome", w.welcome)
                equal(answer(c, capture(c, target)).r["maps"], 2)


@test("a worker that falls silent is lost after five heartbeats, its job with it")
def silent(broker):
    name, target = fresh()
    with broker.client() as c, Live(broker.live, "worker") as live:
        with Worker(broker.work, name, target) as w:
            id = capture(c, target, t=1000)
            job = w.wait("job")["job"]
        e = refusal(c, id)
        assert e["code"] in ("E_TIMEOUT", "E_WORKER_LOST"), e
        equal(e["retry"], True)
        header = live.next(lambda h: h["k"] == "lost" and h["worker"] == name)
        equal(header["job"], job)
        equal([row for row in c.call("status")["workers"] if row["name"] == name], [])


@test("a deadline ends the request; the late result is counted and the worker goes on")
def late(broker):
    name, target = fresh()
    with Worker(broker.work, name, target) as w, broker.client() as c:
        before = dropped(c, "late_result")
        id = capture(c, target, t=50)
        job = w.wait("job")["job"]
        e = refusal(c, id)
        equal((e["code"], e["class"], e["retry"]), ("E_TIMEOUT", "timeout", True))
        w.done(job, reports.captured(), blob=REPORT)
        id = capture(c, target, "t1")
        w.done(w.wait("job")["job"], reports.captured(), blob=REPORT)
        equal(answer(c, id).r["tag"], "t1")
        equal(dropped(c, "late_result") - before, 1)
        equal([row["tag"] for row in c.call("list", b=target)], ["t1"])


@test("jobs wait for a busy worker, in order, and may be more than it can hold")
def queue(broker):
    name, target = fresh()
    with Worker(broker.work, name, target) as w, broker.client() as c:
        ids = [capture(c, target, f"t{i}") for i in range(10)]
        first = w.wait("job")
        deadline = time.monotonic() + 30
        while waiting(broker, target) != 9:  # the last may still be on their way
            assert time.monotonic() < deadline, waiting(broker, target)
        for i in range(10):
            job = first if i == 0 else w.wait("job")
            equal(job["p"]["tag"], f"t{i}")
            w.done(job["job"], reports.captured(), blob=REPORT)
            equal(answer(c, ids[i]).r["seq"], i + 1)


def waiting(broker, target):
    with broker.client() as c:
        row, = [row for row in c.call("status")["targets"] if row["name"] == target]
    equal((row["name"], row["workers"]), (target, 1))
    return row["queued"]


@test("a queue that is full says E_BUSY: --max-queued-jobs 2")
def full(broker):
    with Broker(args=("--max-queued-jobs", "2")) as other, Worker(other.work, "w", "py") as w, other.client() as c:
        ids = [capture(c, "py", f"t{i}") for i in range(4)]
        e = refusal(c, ids[3])
        equal((e["code"], e["class"], e["retry"]), ("E_BUSY", "busy", True))
        assert "MAX_QUEUED_JOBS" in e["msg"] and "--max-queued-jobs" in e["msg"], e
        for id in ids[:3]:
            w.done(w.wait("job")["job"], reports.captured(), blob=REPORT)
            answer(c, id)


@test("256 requests in flight, the 257th is E_BUSY")
def in_flight(broker):
    name, target = fresh()
    with Worker(broker.work, name, target) as w, broker.client() as c:
        ids = [c.send("wait_accessor", {"target": target, "after": 1}) for _ in range(257)]
        e = refusal(c, ids[256])
        equal((e["code"], e["retry"]), ("E_BUSY", True))
        assert "MAX_IN_FLIGHT" in e["msg"] and "256" in e["msg"], e
        w.tell(1, 2)
        equal(sorted(c.receive()[0].envelope["id"] for _ in range(256)), sorted(ids[:256]))


@test("a target without a worker keeps its jobs until one joins, or until their deadline")
def no_worker(broker):
    name, target = fresh()
    with broker.client() as c:
        r = c.refusal("capture_snapshot", {"tag": "t0", "target": target})
        check_refusal(r)
        equal(r.code, "E_NOTFOUND")
        assert "fixture:" in r.msg, r.msg
    with Broker() as other, other.client() as c:
        with Worker(other.work, name, target):
            pass
        with Live(other.live, "worker") as live:
            live.wait(lambda h: h["k"] == "lost")
        e = refusal(c, capture(c, target, t=50))
        equal((e["code"], e["retry"]), ("E_TIMEOUT", True))
        id = capture(c, target)
        with Worker(other.work, name, target, {"capture_snapshot": captured}):
            equal(answer(c, id).r["maps"], 2)


@test("two workers of a target share its jobs")
def two(broker):
    name, target = fresh()
    with Worker(broker.work, name + "a", target) as a, Worker(broker.work, name + "b", target) as b, \
            broker.client() as c:
        ids = [capture(c, target, f"t{i}") for i in range(2)]
        jobs = [(w, w.wait("job")) for w in (a, b)]
        equal({job["p"]["tag"] for _, job in jobs}, {"t0", "t1"})
        for w, job in reversed(jobs):
            w.done(job["job"], reports.captured(), blob=REPORT)
        equal(sorted(c.receive()[0].envelope["id"] for _ in ids), sorted(ids))


@test("wait_accessor: while it tries, when it succeeded, for a newer one, when it failed for good")
def accessor(broker):
    name, target = fresh()
    with Worker(broker.work, name, target, accessor=0) as w, broker.client() as c:
        r = c.refusal("wait_accessor", {"target": target}, t=50)
        check_refusal(r)
        equal((r.code, r.retry), ("E_TIMEOUT", True))
        id = c.send("wait_accessor", {"target": target})
        w.tell(1, 1)
        equal(answer(c, id).r, {"seqno": 1, "state": "succeeded"})
        id = c.send("wait_accessor", {"target": target, "after": 1})
        w.tell(1, 2)
        equal(answer(c, id).r, {"seqno": 2, "state": "succeeded"})
        equal(c.call("wait_accessor", {"target": target, "after": 1}), {"seqno": 2, "state": "succeeded"})
    name, target = fresh()
    with Worker(broker.work, name, target, accessor=0) as w, broker.client() as c:
        id = c.send("wait_accessor", {"target": target})
        w.tell(2, 0, "no BTF in this kernel")
        e = refusal(c, id)
        equal((e["code"], e["retry"]), ("E_STATE", False))
        row = row_of(c, name)
        equal((row["accessor"], row["error"]), ("failed", "no BTF in this kernel"))


@test("cgroup.procs: records append, tags need not be unique, a missing cgroup leaves none")
def procs(broker):
    name, target = fresh()

    def read(p, blobs):
        if p["cgroup"] == "/gone":
            raise Failed("E_NOTFOUND", "state", "no cgroup /gone")
        return {"pids": [] if p["cgroup"] == "/empty" else [1, 2**31]}, None

    with Worker(broker.work, name, target, {"capture_cgroup_procs": read}), broker.client() as c:
        def ask(tag, cgroup):
            return c.call("capture_cgroup_procs", {"tag": tag, "cgroup": cgroup, "target": target}, b=target)
        equal(ask("a", "/load"), {"pids": [1, 2**31]})
        equal(ask("a", "/empty"), {"pids": []})
        r = c.refusal("capture_cgroup_procs", {"tag": "b", "cgroup": "/gone", "target": target}, b=target)
        equal(r.code, "E_NOTFOUND")
        equal(c.call("cgroup_procs_by_tag", {"tag": "a"}, b=target), {"cgroup": "/load", "pids": [1, 2**31]})
        equal(c.refusal("cgroup_procs_by_tag", {"tag": "b"}, b=target).code, "E_NOTFOUND")
        equal(c.call("drain_cgroup_procs", b=target),
              {"records": [{"tag": "a", "cgroup": "/load", "pids": [1, 2**31]},
                           {"tag": "a", "cgroup": "/empty", "pids": []}], "dropped": 0})
        for i in range(1030):
            ask(f"t{i}", "/load")
        r = c.call("drain_cgroup_procs", b=target)
        equal((len(r["records"]), r["dropped"], r["records"][0]["tag"]), (1024, 6, "t6"))
        event, = c.call("drain_events", b=target)
        check("event_log_truncated", event)
        equal((event["log"], event["dropped_count"]), ("cgroup_procs", 6))
        equal(c.call("drain_cgroup_procs", b=target), {"records": [], "dropped": 0})


@test("a report of 8 MiB passes from worker to live bus and reader unchanged")
def large(broker):
    name, target = fresh()
    blob = reports.head() + bytes(8 << 20)
    with Worker(broker.work, name, target, {"capture_snapshot": lambda p, blobs: (reports.captured(), blob)}), \
            broker.client() as c, Live(broker.live, f"report/{target}") as live:
        equal(answer(c, capture(c, target)).r["bytes"], len(blob))
        assert live.wait(lambda h: h["k"] == "captured")[2] == blob, "another report on the live bus"
        assert c.part("get", {"tag": "t0"}, b=target).blobs == [blob], "another report by get"


@test("workers are told to leave when the broker stops")
def leave(broker):
    with Broker() as other:
        w = Worker(other.work, "w", "py")
    message = w.wait("leave")
    check("work_leave", message)
    equal(message.get("reason"), None)
    w.close()


@test("who speaks and has not joined, or was lost meanwhile, is told to leave, and why")
def unknown(broker):
    name, target = fresh()
    s = open_socket(zmq.DEALER, broker.work, b"nobody#1")
    s.send(pack({"k": "beat", "accessor": 1, "seqno": 1}))
    message = unpack(receive(s)[0])
    check("work_leave", message)
    equal((message["k"], message["reason"]), ("leave", "it has not joined, or was lost"))
    s.close()
    with Worker(broker.work, name, target) as w, broker.client() as c:
        id = capture(c, target, t=1)
        w.wait("job")
        equal(refusal(c, id)["code"], "E_TIMEOUT")
        message = w.wait("leave")
        check("work_leave", message)
        equal(message["reason"], "its job is not done 5 heartbeats after its deadline")


@test("a worker that joins under the name of one that is alive, idle or busy, is refused aloud")
def taken(broker):
    name, target = fresh()
    with Worker(broker.work, name, target) as w, broker.client() as c:
        for busy in False, True:
            if busy:
                id = capture(c, target)
                job = w.wait("job")["job"]
            s = open_socket(zmq.DEALER, broker.work, f"{name}#another{busy}".encode())
            s.send(pack({"k": "join", "v": 1, "name": name, "target": target, "kind": "python", "pid": 1, "host": "box"}))
            message = unpack(receive(s)[0])
            check("work_refused", message)
            assert "alive" in message["msg"], message
            s.close()
        w.done(job, reports.captured(1), blob=REPORT)
        equal(answer(c, id).r["maps"], 1)


@test("who joined with a plain socket is refused aloud: the routing id must be the name")
def plain(broker):
    s = open_socket(zmq.DEALER, broker.work)
    s.send(pack({"k": "join", "v": 1, "name": "plain", "target": "py", "kind": "python", "pid": 1, "host": "box"}))
    message = unpack(receive(s)[0])
    check("work_refused", message)
    s.close()


def main():
    with Broker() as broker:
        return run(broker, on_failure=broker.tell)


if __name__ == "__main__":
    sys.exit(main())
