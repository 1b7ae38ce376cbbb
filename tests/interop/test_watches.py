# SPDX-License-Identifier: MIT
"""Watches, with capture workers in Python: slots and every way back, hits, captures, joined captures."""
import os
import random
import socket
import subprocess
import sys
import time

import reports
from bus import pack
from serve import Broker
from shapes import check, check_refusal, check_reply
from tap import equal, run, test
from watcher import REPORT, Stage, Watcher, fresh, hit
from worker import Failed


def dropped(broker, what):
    with broker.client() as c:
        return {row["what"]: row["n"] for row in c.call("status")["dropped"]}.get(what, 0)


@test("a watch is armed by a worker, listed, owned, ended by its id with the worker's totals")
def life(broker):
    with Stage(broker) as s:
        params = {"symbol": "jiffies_64", "target": s.target, "len": 8, "max_hits": 5, "maps": ["a*"], "progs": True,
                  "each": True}
        part = s.c.part("watch_snapshot", params, b=s.target)
        check_reply("watch_snapshot", [part])
        job = s.w.wait("job")
        check("work_job", job)
        id = part.r["watch"]
        equal((job["op"], job["p"]), ("watch_snapshot", {**params, "rate": 20, "burst": 10, "id": id}))
        equal(part.r, {"watch": id, "addr": 0xffff888000001000, "len": 8, "slot": 1, "tag": "jiffies_64"})
        armed = s.next("watch_armed")
        equal((armed["symbol"], armed["watch"]), ("jiffies_64", id))
        equal(s.rows(), [{"watch": id, "symbol": "jiffies_64", "state": "armed", "target": s.target, "worker": s.name,
                          "session": s.name, "addr": 0xffff888000001000, "len": 8, "slot": 1, "hits": 0,
                          "suppressed": 0, "captures": 0, "missed": 0}])
        mine, = [row for row in s.c.call("status")["sessions"] if row["name"] == s.name]
        equal(mine["owns"], [f"watch {id} (jiffies_64)"])
        part = s.c.part("unwatch", {"watch": id}, b=s.target)
        check_reply("unwatch", [part])
        equal(part.r, {"watch": id, "symbol": "jiffies_64", "hits": 1000, "suppressed": 980})
        over = s.next("over")
        equal((over["symbol"], over["watch"], over["reason"]), ("jiffies_64", id, "unwatch"))
        equal((over["exact"], over["hits"], over["suppressed"], over["missed"]), (True, 1000, 980, 0))
        over = s.next("watch_disarmed")
        equal((over["symbol"], over["watch"], over["reason"]), ("jiffies_64", id, "unwatch"))
        equal((s.rows(), s.held()), ([], 0))
        equal(s.refusal("unwatch", {"watch": id}).code, "E_NOTFOUND")
        s.all_slots_are_free()


@test("ids are unique among bridges, and one bridge does not reach another one's watch")
def ids(broker):
    with Stage(broker) as a, Stage(broker) as b:
        one, two, three = a.watch("x"), b.watch("x"), a.watch("y")
        assert one < two < three, (one, two, three)
        equal(a.refusal("unwatch", {"watch": two}).code, "E_NOTFOUND")
        equal([row["watch"] for row in a.rows()], [one, three])
        equal([row["watch"] for row in b.rows()], [two])


@test("unwatch by symbol; ambiguous, unknown, both or neither are refused")
def by_symbol(broker):
    with Stage(broker) as s:
        one, two, other = s.watch("x"), s.watch("x"), s.watch("y")
        refused = s.refusal("unwatch", {"symbol": "x"})
        equal(refused.code, "E_STATE")
        assert str(one) in refused.msg and str(two) in refused.msg, refused.msg
        equal(s.refusal("unwatch", {"symbol": "z"}).code, "E_NOTFOUND")
        equal(s.refusal("unwatch").code, "E_ARG")
        equal(s.refusal("unwatch", {"symbol": "x", "watch": one}).code, "E_ARG")
        with broker.client() as c:  # another session may, too
            equal(c.call("unwatch", {"symbol": "y"}, b=s.target)["watch"], other)
        s.call("unwatch", {"watch": one})
        equal(s.call("unwatch", {"symbol": "x"})["watch"], two)
        s.all_slots_are_free()


@test("the fourth watch is refused with the holders' names and the ways out; --max-watches and open_bridge count")
def fourth(broker):
    with Stage(broker) as s:
        ids = [s.watch(symbol) for symbol in ("jiffies_64", "nr_running", "obj.bss:n")]
        refused = s.refusal("watch_snapshot", {"symbol": "total", "target": s.target})
        equal(refused.code, "E_LIMIT")
        for words in ["MAX_WATCH_SNAPSHOTS", "is 3", "--max-watches", "limits.watches", "drop a watch"] + [
                f"{symbol} ({id})" for symbol, id in zip(("jiffies_64", "nr_running", "obj.bss:n"), ids)]:
            assert words in refused.msg, refused.msg
        equal(s.held(), 3)
        s.call("unwatch", {"watch": ids[1]})
        s.watch("total")
        equal([row["symbol"] for row in s.rows()], ["jiffies_64", "obj.bss:n", "total"])
    with Stage(broker) as s:
        s.call("open_bridge", {"limits": {"watches": 1}})
        s.watch("a")
        refused = s.refusal("watch_snapshot", {"symbol": "b", "target": s.target})
        equal(refused.code, "E_LIMIT")
        assert "is 1" in refused.msg, refused.msg


@test("what makes no sense is refused before any slot is held or any worker asked")
def bad_params(broker):
    with Stage(broker) as s:
        for p in ({}, {"symbol": ""}, {"symbol": "x" * 512}, {"symbol": "a\tb"}, {"symbol": "x", "len": 3},
                  {"symbol": "x", "len": 16}, {"symbol": "x", "len": 0}, {"symbol": "x", "rate": 0},
                  {"symbol": "x", "burst": 0}, {"symbol": "x", "rate": 1001}, {"symbol": "x", "max_hits": 0},
                  {"symbol": "x", "tag": ""}, {"symbol": "x", "targets": [s.target]},
                  {"symbol": "x", "targets": ["fixture:maps=2,entries=10"] * 2}, {"symbol": "x", "targets": [""]},
                  {"symbol": "x", "color": "red"}, {"symbol": 5}):
            equal(s.refusal("watch_snapshot", {"target": s.target, **p}).code, "E_ARG", str(p))
        for p in {"target": "nobody"}, {"target": s.target, "targets": ["nobody"]}:
            equal(s.refusal("watch_snapshot", {"symbol": "x", **p}).code, "E_NOTFOUND", str(p))
        equal((s.held(), s.rows()), (0, []))
        jobs = []
        while not s.w.got.empty():
            jobs += [message["op"] for message in [s.w.got.get()] if message["k"] == "job"]
        equal(jobs, [], "jobs of a worker")
        s.all_slots_are_free()


@test("the worker's refusal is handed on and the slot is free")
def refused_by_worker(broker):
    def arm(p, blobs):
        raise Failed("E_NOTFOUND", "state", f"no symbol {p['symbol']}; near: jiffies")

    with Stage(broker) as s:
        s.w.jobs["watch_snapshot"] = arm
        for _ in range(10):
            refused = s.refusal("watch_snapshot", {"symbol": "jiffie", "target": s.target})
            equal((refused.code, refused.msg), ("E_NOTFOUND", "no symbol jiffie; near: jiffies"))
        s.w.jobs["watch_snapshot"] = lambda p, blobs: ({"addr": "nowhere"}, None)
        equal(s.refusal("watch_snapshot", {"symbol": "x", "target": s.target}).code, "E_TARGET")
        s.w.jobs["watch_snapshot"] = s.w.arm
        s.w.armed[0] = "x"  # what unwatch undoes
        equal(s.call("event_count"), 0, "what was never armed leaves no event")
        s.w.armed.clear()
        s.w.jobs["unwatch"] = lambda p, blobs: ({"hits": 0, "suppressed": 0}, None)
        s.all_slots_are_free()


@test("arming that comes too late is undone, and the slot is free at the deadline")
def late(broker):
    with Stage(broker) as s:
        del s.w.jobs["watch_snapshot"]
        equal(s.refusal("watch_snapshot", {"symbol": "x", "target": s.target}, t=50).code, "E_TIMEOUT")
        job = s.w.job("watch_snapshot")
        equal(s.held(), 0)
        s.w.armed[job["p"]["id"]] = "x"
        s.w.done(job["job"], {"addr": 1, "len": 8, "slot": 1})
        equal(s.w.job("unwatch")["p"], {"id": job["p"]["id"]})
        s.w.jobs["watch_snapshot"] = s.w.arm
        s.all_slots_are_free()
        equal(s.w.armed, {})


@test("while a watch is being armed its slot is held and it is listed so")
def arming(broker):
    with Stage(broker) as s, broker.client() as c:
        del s.w.jobs["watch_snapshot"]
        id = c.send("watch_snapshot", {"symbol": "x", "target": s.target}, b=s.target)
        job = s.w.job("watch_snapshot")
        row, = s.rows()
        equal((row["state"], row["symbol"], "worker" in row, s.held()), ("arming", "x", False, 1))
        equal(s.refusal("unwatch", {"watch": job["p"]["id"]}).code, "E_NOTFOUND")
        s.w.done(job["job"], e={"code": "E_LIMIT", "class": "limit", "msg": "no register is free", "retry": False})
        equal(c.receive()[0].envelope["id"], id)
        equal((s.rows(), s.held()), ([], 0))


@test("bye ends the session's watches, and no others")
def bye(broker):
    with Stage(broker) as s, broker.client() as c:
        kept = s.watch("kept")
        for symbol in "a", "b":
            s.watch(symbol, client=c)
        released = c.call("bye", b=s.target)["released"]
        equal(sorted(words.split(" ", 2)[2] for words in released), ["(a)", "(b)"])
        equal(([row["watch"] for row in s.rows()], s.held()), ([kept], 1))
        for _ in "ab":
            equal(s.totals(), ("bye", True, 1000, 980, 0))
            equal(s.next("watch_disarmed")["reason"], "bye")
        for _ in "ab":
            s.w.job("unwatch")
        equal(s.w.armed, {kept: "kept"})


CHILD = """
import sys
from bus import Client
c = Client(sys.argv[1])
c.call("hello", {"client": "victim", "kind": "executor"})
for symbol in "a", "b", "c":
    c.call("watch_snapshot", {"symbol": symbol, "target": sys.argv[2]}, b=sys.argv[2])
print("armed", flush=True)
sys.stdin.read()
"""


@test("kill -9 of the executor: its watches end when it has been silent for five heartbeats")
def killed_executor(broker):
    with Stage(broker) as s:
        child = subprocess.Popen([sys.executable, "-c", CHILD, broker.ipc, s.target], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, cwd=os.path.dirname(os.path.abspath(__file__)))
        equal(child.stdout.readline(), b"armed\n")
        equal(s.held(), 3)
        child.kill()
        child.communicate()
        lost = s.next("session_lost")
        equal(lost["client"], "victim")
        for symbol in "a", "b", "c":
            assert f"({symbol})" in lost["released"], lost
        for symbol in "a", "b", "c":
            equal(s.totals(), ("session_lost", True, 1000, 980, 0))
            equal(s.next("watch_disarmed")["reason"], "session_lost")
        s.all_slots_are_free()
        equal(s.w.armed, {})


@test("until the worker has answered, the slot of a watch without a session is free and its hits are told")
def ending(broker):
    with Stage(broker, captures=False) as s, broker.client() as c:
        del s.w.jobs["unwatch"]
        id = s.watch("x", client=c)
        s.w.fire(id, 1, hits=5, suppressed=4)
        capture = s.w.job("capture_snapshot")
        c.call("bye", b=s.target)
        equal((s.rows(), s.held(), s.refusal("unwatch", {"watch": id}).code), ([], 0, "E_NOTFOUND"))
        s.w.fire(id, 2, hits=9, suppressed=7)
        equal([s.next("hit")["n"] for _ in "ab"], [1, 2])
        s.w.done(capture["job"], reports.captured(), blob=REPORT)
        s.next("captured")
        job = s.w.job("unwatch")
        s.w.done(job["job"], {"hits": 30, "suppressed": 28})
        equal(s.totals(), ("bye", True, 30, 28, 0))
        equal(s.next("watch_disarmed")["reason"], "bye")
        second = s.w.job("capture_snapshot")
        equal(second["p"]["cause"], f"{s.target}/{id}#2")
        s.w.done(second["job"], reports.captured(), blob=REPORT)
        equal(s.next("captured")["stored_seq"], 2)


@test("a watch without a session that ends by itself, that the worker does not know, or whose answer is none")
def ending_otherwise(broker):
    gone = {"code": "E_NOTFOUND", "class": "state", "msg": "no such watch", "retry": False}
    with Stage(broker) as s:
        del s.w.jobs["unwatch"]
        for told, answer, totals in ((True, {"e": gone}, (True, 40, 30)), (False, {"e": gone}, (False, 7, 3)),
                                     (False, {"r": "none"}, (False, 7, 3))):
            with broker.client() as c:
                id = s.watch("x", client=c)
                s.w.tell_watched(id, "armed", 7, 3)
                while s.rows()[0]["hits"] != 7:
                    pass
                c.call("bye", b=s.target)
                job = s.w.job("unwatch")
                if told:
                    s.w.tell_watched(id, "disarmed", 40, 30, reason="hot")
                s.w.done(job["job"], **answer)
                equal(s.totals(), ("bye", *totals, 0))
                equal(s.next("watch_disarmed")["reason"], "bye")


@test("a watch without a session whose worker is lost before it tells the totals: the last that were told")
def ending_lost(broker):
    with Stage(broker, captures=False) as s, broker.client() as c:
        del s.w.jobs["unwatch"]
        id = s.watch("x", client=c)
        s.w.fire(id, 1, hits=5, suppressed=4)
        s.w.job("capture_snapshot")
        c.call("bye", b=s.target)
        s.w.close()
        with Watcher(broker.work, s.name, s.target) as s.w:  # another life under its name
            equal(s.totals(), ("bye", False, 5, 4, 0))
            equal(s.next("watch_disarmed")["reason"], "bye")
            s.all_slots_are_free()


@test("a bridge closes with a watch armed and one that is ending: events before it goes, totals when they come")
def closed_totals(broker):
    with Stage(broker) as s, broker.client() as c:
        del s.w.jobs["unwatch"]
        left, armed = s.watch("x", client=c), s.watch("y")
        c.call("bye", b=s.target)
        first = s.w.job("unwatch")
        equal(first["p"], {"id": left})
        s.call("close_bridge")
        equal([(over["watch"], over["reason"]) for over in (s.next("watch_disarmed"), s.next("watch_disarmed"))],
              [(left, "bye"), (armed, "bridge_closed")])
        before = dropped(broker, "late_hit")
        s.w.fire(armed, 1)
        s.w.tell_watched(armed, "throttled", 9, 8)
        s.w.done(first["job"], {"hits": 3, "suppressed": 1})
        equal(s.totals(), ("bye", True, 3, 1, 0))
        s.call("open_bridge")  # the next one of that name
        second = s.w.job("unwatch")
        equal(second["p"], {"id": armed})
        s.w.done(second["job"], {"hits": 50, "suppressed": 40})
        equal(s.totals(), ("bridge_closed", True, 50, 40, 0))
        equal(dropped(broker, "late_hit") - before, 1)
        equal((s.rows(), s.call("event_count")), ([], 0))


@test("a worker that is lost takes its watches with it: their slots are free at once")
def killed_worker(broker):
    with Stage(broker) as s:
        for symbol in "a", "b", "c":
            s.watch(symbol)
        s.w.close()
        with Watcher(broker.work, s.name, s.target) as s.w:  # another life under its name
            equal(s.totals(), ("worker_lost", False, 0, 0, 0))
            equal({s.next("watch_disarmed")["reason"] for _ in "abc"}, {"worker_lost"})
            equal(s.rows(), [])
            mine, = [row for row in s.c.call("status")["sessions"] if row["name"] == s.name]
            equal(mine["owns"], [])
            s.all_slots_are_free()
            equal(s.w.armed, {})


@test("a worker that is lost while it arms: E_WORKER_LOST, and the slot is free")
def lost_while_arming(broker):
    with Stage(broker) as s, broker.client() as c:
        del s.w.jobs["watch_snapshot"]
        c.send("watch_snapshot", {"symbol": "x", "target": s.target}, b=s.target)
        s.w.job("watch_snapshot")
        s.w.close()
        with Watcher(broker.work, s.name, s.target) as s.w:
            equal(c.receive()[0].envelope["e"]["code"], "E_WORKER_LOST")
            s.all_slots_are_free()


@test("closing a bridge ends its watches, also one that is being armed, and nothing is stored on the next of its name")
def closed(broker):
    with Stage(broker, captures=False) as s, broker.client() as c:
        id = s.watch("x")
        s.w.fire(id, 1)
        s.next("hit")
        capture = s.w.job("capture_snapshot")
        before = dropped(broker, "late_result")
        del s.w.jobs["watch_snapshot"]
        ask = c.send("watch_snapshot", {"symbol": "y", "target": s.target}, b=s.target)
        while len(s.call("list_watches")) < 2:
            pass
        s.call("close_bridge")
        equal(s.next("watch_disarmed")["reason"], "bridge_closed")
        s.w.done(capture["job"], reports.captured(2), blob=REPORT)
        job = s.w.job("watch_snapshot")
        s.w.armed[job["p"]["id"]] = "y"
        s.w.done(job["job"], {"addr": 1, "len": 8, "slot": 2})
        part, = c.receive()
        equal((part.envelope["id"], part.envelope["e"]["code"]), (ask, "E_STATE"))
        s.w.jobs["watch_snapshot"] = s.w.arm
        equal(s.call("list"), [])
        s.all_slots_are_free()
        equal(s.w.armed, {})
        equal(dropped(broker, "late_result") - before, 1)


@test("a hit is told at once, then captured by the worker that armed it, with its cause")
def hit_and_capture(broker):
    with Stage(broker, captures=False) as s, Watcher(broker.work, s.name + "-b", s.target, captures=False) as other:
        id = s.watch("jiffies_64", maps=["a*", "!b"], progs=True)
        w = s.w if id in s.w.armed else other
        for n in 1, 2, 3:
            w.fire(id, n, hits=10 * n, suppressed=9 * n)
            header = s.next("hit")
            equal((header["ch"], header["watch"], header["symbol"], header["n"], header["hits"], header["suppressed"]),
                  (f"watch/{s.target}", id, "jiffies_64", n, 10 * n, 9 * n))
            check("report_hit", header["hit"])
            equal(header["hit"], hit(n, 9 * n))
            job = w.job("capture_snapshot")
            check("work_job", job)
            caused = {key: job["p"].pop(key) for key in ("cause", "joined", "hit_mono", "hit", "missed")}
            check("caused", caused)
            equal(caused, {"cause": f"{s.target}/{id}#{n}", "joined": False, "hit_mono": 10**9 + n,
                           "hit": hit(n, 9 * n), "missed": 0})
            equal(job["p"], {"tag": "jiffies_64", "target": s.target, "maps": ["a*", "!b"], "progs": True})
            w.done(job["job"], reports.captured(2, False, False, [reports.REASON]), blob=REPORT)
            captured = s.next("captured")
            equal((captured["tag"], captured["stored_seq"], captured["maps"], captured["reason_count"]),
                  ("jiffies_64", n, 2, 1))
        row, = s.rows()
        equal((row["hits"], row["suppressed"], row["captures"], row["missed"]), (30, 27, 3, 0))
        equal(s.c.part("get", {"tag": "jiffies_64"}, b=s.target).blobs, [REPORT])


@test("of those that are only counted, how many nobody looked at: with hits, in the list, in the end")
def unseen(broker):
    with Stage(broker) as s:
        id = s.watch("x")
        s.w.fire(id, 1, hits=1)
        assert "unseen" not in s.next("hit") and "unseen" not in s.rows()[0]
        s.next("captured")
        s.w.fire(id, 2, hits=9, suppressed=7, unseen=3, hit=hit(2, 7, unseen=3))
        header = s.next("hit")
        check("report_hit", header["hit"])
        equal((header["suppressed"], header["unseen"], header["hit"]["unseen"]), (7, 3, 3))
        s.next("captured")
        s.w.tell_watched(id, "armed", 12, 10, unseen=5)
        while s.rows()[0]["hits"] != 12:
            pass
        s.w.fire(id, 3, hits=12, suppressed=9, unseen=4)  # older counts than those told last
        equal(s.next("hit")["unseen"], 5)
        s.next("captured")
        equal(s.rows()[0]["unseen"], 5)
        s.w.jobs["unwatch"] = lambda p, blobs: ({"hits": 20, "suppressed": 17, "unseen": 6}, None)
        equal(s.c.part("unwatch", {"watch": id}, b=s.target).r,
              {"watch": id, "symbol": "x", "hits": 20, "suppressed": 17, "unseen": 6})
        equal(s.next("over")["unseen"], 6)


@test("hits that come while a capture runs: the newest of them is captured after it, the others are counted")
def missed(broker):
    with Stage(broker, captures=False) as s:
        id = s.watch("x")
        s.w.fire(id, 1)
        first = s.w.job("capture_snapshot")
        for n in range(2, 7):
            s.w.fire(id, n)
        while s.next("hit")["n"] != 6:
            pass
        s.w.done(first["job"], reports.captured(), blob=REPORT)
        second = s.w.job("capture_snapshot")
        equal((second["p"]["cause"], second["p"]["missed"], second["p"]["hit"]["n"]), (f"{s.target}/{id}#6", 4, 6))
        s.w.done(second["job"], reports.captured(), blob=REPORT)
        equal([s.next("captured")["stored_seq"] for _ in range(2)], [1, 2])
        row, = s.rows()
        equal((row["captures"], row["missed"]), (2, 4))
        s.w.fire(id, 7)
        third = s.w.job("capture_snapshot")
        equal((third["p"]["cause"], third["p"]["missed"]), (f"{s.target}/{id}#7", 0))
        s.w.done(third["job"], reports.captured(), blob=REPORT)
        s.next("captured")


@test("a watch that disarms itself with hits left over: the last of them is still captured")
def last_hit(broker):
    with Stage(broker, captures=False) as s:
        id = s.watch("x", max_hits=3)
        s.w.fire(id, 1)
        first = s.w.job("capture_snapshot")
        s.w.fire(id, 2)
        s.w.fire(id, 3)
        s.w.tell_watched(id, "disarmed", 30, 27, reason="max_hits")
        equal(s.totals(), ("max_hits", True, 30, 27, 1))
        over = s.next("watch_disarmed")
        equal((over["watch"], over["reason"], s.rows(), s.held()), (id, "max_hits", [], 0))
        s.w.done(first["job"], reports.captured(), blob=REPORT)
        second = s.w.job("capture_snapshot")
        equal((second["p"]["cause"], second["p"]["missed"]), (f"{s.target}/{id}#3", 1))
        s.w.done(second["job"], reports.captured(), blob=REPORT)
        equal([s.next("captured")["stored_seq"] for _ in range(2)], [1, 2])
        s.w.jobs["unwatch"] = lambda p, blobs: ({"hits": 0, "suppressed": 0}, None)
        s.all_slots_are_free()


@test("tags: each, a tag of one's own, and names that are too long are cut with their hash behind them")
def tags(broker):
    def fnv1a(name):
        h = 2166136261
        for byte in name.encode():
            h = (h ^ byte) * 16777619 % 2**32
        return f"~{h:08x}"

    with Stage(broker) as s:
        def tag_of(symbol, n=1, **p):
            id = s.watch(symbol, **p)
            s.w.fire(id, n)
            tag = s.next("captured")["tag"]
            s.call("unwatch", {"watch": id})
            return tag
        equal(tag_of("x"), "x")
        equal(tag_of("x", 7, each=True), "x#7")
        equal(tag_of("x", 7, each=True, tag="mine"), "mine#7")
        equal(tag_of("x" * 64), "x" * 64)
        equal(tag_of("x" * 65), "x" * 55 + fnv1a("x" * 65))
        equal(tag_of("x" * 64, 12, each=True), "x" * 52 + fnv1a("x" * 64) + "#12")
        equal(tag_of("\u00e9" * 40), "\u00e9" * 27 + fnv1a("\u00e9" * 40))


@test("joined captures: each named target captures on the hit, by itself, and knows the cause")
def joined(broker):
    name, target = fresh()
    with Stage(broker, captures=False) as s, Watcher(broker.work, name, target, captures=False) as other:
        id = s.watch("x", targets=[target, "fixture:maps=2,entries=10"], maps=["*"])
        s.w.fire(id, 1)
        mine, theirs = s.w.job("capture_snapshot"), other.job("capture_snapshot")
        equal((mine["p"]["tag"], mine["p"]["joined"]), ("x", False))
        equal(theirs["p"], {"tag": f"x@{target}", "target": target, "maps": ["*"], "cause": f"{s.target}/{id}#1",
                            "joined": True, "hit_mono": 10**9 + 1, "host": socket.gethostname(), "missed": 0})
        equal(s.next("captured")["tag"], "x@fixture:maps=2,entries=10")
        s.w.done(mine["job"], reports.captured(), blob=REPORT)
        equal(s.next("captured")["tag"], "x")
        s.w.fire(id, 2)  # the other one is still busy: it alone misses
        s.w.fire(id, 3)
        while s.next("hit")["n"] != 3:
            pass
        mine = s.w.job("capture_snapshot")
        equal((mine["p"]["cause"], mine["p"]["missed"]), (f"{s.target}/{id}#2", 0))
        other.done(theirs["job"], reports.captured(), blob=REPORT)
        theirs = other.job("capture_snapshot")
        equal((theirs["p"]["cause"], theirs["p"]["missed"]), (f"{s.target}/{id}#3", 1))
        s.w.done(mine["job"], reports.captured(), blob=REPORT)
        s.w.done(s.w.job("capture_snapshot")["job"], reports.captured(), blob=REPORT)
        other.done(theirs["job"], reports.captured(), blob=REPORT)
        while {row["tag"]: row["seq"] for row in s.call("list")}.get(f"x@{target}", 0) < 5:
            s.next("captured")


@test("a joined target whose worker is lost: capture_unavailable, and the watch goes on")
def joined_lost(broker):
    name, target = fresh()
    with Stage(broker) as s:
        with Watcher(broker.work, name, target, captures=False) as other:
            id = s.watch("x", targets=[target])
            s.w.fire(id, 1)
            other.job("capture_snapshot")
        with Watcher(broker.work, name, target) as other:
            gone = s.next("capture_unavailable")
            equal(gone["tag"], f"x@{target}")
            s.w.fire(id, 2)
            tags = set()
            while f"x@{target}" not in tags:
                tags.add(s.next("captured")["tag"])
        equal([row["watch"] for row in s.rows()], [id])


@test("a capture that fails raises capture_unavailable and the next hit is captured")
def failing(broker):
    with Stage(broker, captures=False) as s:
        id = s.watch("x")
        for n, (r, blob, e) in enumerate([(None, None, {"code": "E_TARGET", "class": "target", "msg": "no luck",
                                                        "retry": False}),
                                          (reports.captured(), None, None), (5, REPORT, None),
                                          ({**reports.captured(), "reasons": [5]}, REPORT, None)], 1):
            s.w.fire(id, n)
            s.w.done(s.w.job("capture_snapshot")["job"], r, e, REPORT if e is None and blob else None)
            equal(s.next("capture_unavailable")["tag"], "x")
        s.w.fire(id, 9)
        s.w.done(s.w.job("capture_snapshot")["job"], reports.captured(), blob=REPORT)
        equal(s.next("captured")["stored_seq"], 1)


@test("the arming worker is lost with a capture and a hit behind it: both are named")
def lost_with_capture(broker):
    with Stage(broker, captures=False) as s:
        id = s.watch("x", each=True)
        s.w.fire(id, 1)
        s.w.job("capture_snapshot")
        s.w.fire(id, 2)
        while s.next("hit")["n"] != 2:
            pass
        s.w.close()
        with Watcher(broker.work, s.name, s.target) as s.w:
            equal(s.next("watch_disarmed")["reason"], "worker_lost")
            equal([s.next("capture_unavailable")["tag"] for _ in "ab"], ["x#1", "x#2"])
            s.all_slots_are_free()


@test("throttled: an event with what was suppressed since the last, once a second at most")
def throttled(broker):
    with Stage(broker) as s:
        id = s.watch("x")
        began = time.monotonic()
        s.w.tell_watched(id, "throttled", 100, 90)
        event = s.next("watch_throttled")
        equal((event["watch"], event["symbol"], event["suppressed"]), (id, "x", 90))
        told, events = 90, 1
        while events < 3:  # as fast as it goes; the test ends by events, not by time
            told += 10
            s.w.tell_watched(id, "throttled", told + 10, told)
            while any(row["suppressed"] < told for row in s.rows()):
                pass
            events = s.call("event_count") - 1
        took = time.monotonic() - began
        assert events <= took + 1, (events, took)
        throttles = [e for e in s.call("drain_events") if e["k"] == "watch_throttled"]
        assert sum(e["suppressed"] for e in throttles) <= told, throttles


@test("counts without a hit are listed")
def counts(broker):
    with Stage(broker) as s:
        id = s.watch("x")
        s.w.tell_watched(id, "armed", 12, 5)
        while s.rows()[0]["hits"] != 12:
            pass
        equal(s.rows()[0]["suppressed"], 5)
        s.w.tell_watched(id, "armed", 11, 4)  # overtaken: counts only rise
        s.w.fire(id, 1, hits=13, suppressed=6)
        s.next("captured")
        equal((s.rows()[0]["hits"], s.rows()[0]["suppressed"]), (13, 6))


@test("malformed and foreign words of watches are counted, and nothing else comes of them")
def malformed(broker):
    with Stage(broker) as s, Stage(broker) as other:
        id, foreign = s.watch("x"), other.watch("y")
        good = {"k": "fired", "watch": id, "n": 1, "mono": 1, "hit": hit(1), "hits": 1, "suppressed": 0}
        bad = [{**good, key: value} for key, value in (
            ("watch", -1), ("watch", "x"), ("n", "one"), ("n", 0), ("mono", -5), ("hit", []), ("hit", 5), ("hit", None),
            ("hits", "all"), ("suppressed", []), ("hit", {"comm": "x" * 40000}))]
        bad += [{key: value for key, value in good.items() if key != name} for name in good if name != "k"]
        bad += [{"k": "watched", "watch": id, "state": state, "hits": 1, "suppressed": 0} for state in ("gone", 5)]
        bad += [{"k": "watched", "watch": id}, {"k": "watched", "watch": id, "state": "disarmed", "hits": 1}]
        before = {what: dropped(broker, what) for what in ("work_frame", "late_hit")}
        for message in bad:
            s.w.send(message)
        raw = pack({**good, "hit": {"comm": "\u00e9"}}).replace("\u00e9".encode(), b"\xc3\x28")
        s.w.outbox.send(raw)
        late = [{**good, "watch": 10**9}, {**good, "watch": foreign}]
        late += [{"k": "watched", "watch": foreign, "state": "disarmed", "hits": 1, "suppressed": 0, "reason": "hot"}]
        for message in late:
            s.w.send(message)
        s.w.fire(id, 5)
        equal(s.next("hit")["n"], 5)  # the first one that was told
        s.w.fire(id, 5)
        s.w.fire(id, 4)
        s.w.fire(id, 6)
        equal(s.next("hit")["n"], 6)
        equal(dropped(broker, "work_frame") - before["work_frame"], len(bad) + 3)
        equal(dropped(broker, "late_hit") - before["late_hit"], len(late))
        equal(([row["watch"] for row in other.rows()], other.held()), ([foreign], 1))
        s.w.tell_watched(id, "disarmed", 9, 0, reason="b\xe4d \x01 word")
        assert "?" in s.next("watch_disarmed")["reason"]


@test("hits of a watch that is over are counted")
def after_the_end(broker):
    with Stage(broker) as s:
        id = s.watch("x")
        before = dropped(broker, "late_hit")
        s.call("unwatch", {"watch": id})
        s.w.fire(id, 1)
        s.w.tell_watched(id, "disarmed", 1, 0, reason="hot")
        s.all_slots_are_free()
        equal(dropped(broker, "late_hit") - before, 2)


@test("unwatch of what the worker does not know (any more) frees the slot all the same")
def unknown_to_worker(broker):
    def gone(p, blobs):
        raise Failed("E_NOTFOUND", "state", "no such watch")

    with Stage(broker) as s:
        id = s.watch("x")
        s.w.jobs["unwatch"] = gone
        equal(s.refusal("unwatch", {"watch": id}).code, "E_NOTFOUND")
        equal((s.rows(), s.held()), ([], 0))
        id = s.watch("x")
        s.w.jobs["unwatch"] = lambda p, blobs: ("nonsense", None)
        equal(s.refusal("unwatch", {"watch": id}).code, "E_TARGET")
        equal((s.rows(), s.held()), ([], 0))


@test("an unwatch that comes too late: the watch is over when the worker has answered")
def late_unwatch(broker):
    with Stage(broker) as s:
        id = s.watch("x")
        del s.w.jobs["unwatch"]
        equal(s.refusal("unwatch", {"watch": id}, t=50).code, "E_TIMEOUT")
        equal(s.held(), 1)
        s.w.done(s.w.job("unwatch")["job"], {"hits": 12, "suppressed": 3})
        equal(s.totals(), ("unwatch", True, 12, 3, 0))
        equal(s.next("watch_disarmed")["reason"], "unwatch")
        equal((s.rows(), s.held()), ([], 0))


@test("two sessions end the same watch at once: one gets the counts")
def two_unwatch(broker):
    with Stage(broker) as s, broker.client() as c:
        id = s.watch("x")
        del s.w.jobs["unwatch"]
        for client in s.c, c:
            client.send("unwatch", {"watch": id}, b=s.target)
        s.w.done(s.w.job("unwatch")["job"], {"hits": 3, "suppressed": 1})
        s.w.done(s.w.job("unwatch")["job"], e={"code": "E_NOTFOUND", "class": "state", "msg": "no such watch",
                                               "retry": False})
        got = [client.receive()[0].envelope for client in (s.c, c)]
        equal([e["ok"] for e in got].count(True), 1)
        equal(s.held(), 0)


@test("the role capture may list watches but neither arm nor end one; the role watch may do both")
def rights(broker):
    with Broker(args=("--role", "capture")) as other, other.client() as c:
        for op, p in ("watch_snapshot", {"symbol": "x"}), ("unwatch", {"watch": 1}):
            refused = c.refusal(op, p)
            check_refusal(refused)
            equal(refused.code, "E_DENIED")
        equal(c.call("list_watches"), [])
    with Broker(args=("--role", "watch")) as other, Watcher(other.work, "w", "py"), other.client() as c:
        id = c.call("watch_snapshot", {"symbol": "x", "target": "py"})["watch"]
        c.call("unwatch", {"watch": id})


@test("a target that cannot watch says E_UNSUPPORTED and holds no slot")
def cannot(broker):
    with Stage(broker) as s:
        s.w.jobs.pop("watch_snapshot")
        id = s.c.send("watch_snapshot", {"symbol": "x", "target": s.target}, b=s.target)
        s.w.done(s.w.job("watch_snapshot")["job"], e={"code": "E_UNSUPPORTED", "class": "target", "msg": "cannot",
                                                      "retry": False})
        equal((s.c.receive()[0].envelope["id"], s.held()), (id, 0))


@test("the broker stops with watches armed, one being armed and a capture under way")
def stop(broker):
    with Broker() as other, other.client() as c:
        w = Watcher(other.work, "w", "py", captures=False)
        id = c.call("watch_snapshot", {"symbol": "x", "target": "py"})["watch"]
        w.fire(id, 1)
        w.job("capture_snapshot")
        w.fire(id, 2)
        c.send("watch_snapshot", {"symbol": "y", "target": "py"})
        c2 = other.client()
        while len(c2.call("list_watches")) < 2:
            pass
        c2.close()
        other.stop()
        check("work_leave", w.wait("leave"))
        equal(c.receive()[0].envelope["e"]["code"], "E_STATE")
        w.close()


class Model:
    """Random adding, refusing, ending and losing; after each step the broker holds what the model holds."""

    def __init__(self, broker, seed):
        self.draw = random.Random(seed)
        self.broker, self.target = broker, fresh()[1]
        self.worker = Watcher(broker.work, "model", self.target)
        self.clients = [broker.client() for _ in range(3)]
        self.bridges = [f"{self.target}-{i}" for i in range(2)]
        self.held, self.fired = {}, 0  # id: (bridge, owner)
        for i, c in enumerate(self.clients):
            c.call("hello", {"client": f"model{i}", "kind": "executor"})

    def close(self):
        self.worker.close()
        for c in self.clients:
            c.close()

    def pick(self):
        return self.draw.choice(self.clients), self.draw.choice(self.bridges)

    def on(self, bridge):
        return sorted(id for id, (b, _) in self.held.items() if b == bridge)

    def add(self):
        c, bridge = self.pick()
        params = {"symbol": f"s{self.draw.randrange(4)}", "target": self.target}
        if len(self.on(bridge)) == 3:
            equal(c.refusal("watch_snapshot", params, b=bridge).code, "E_LIMIT")
        else:
            self.held[c.call("watch_snapshot", params, b=bridge)["watch"]] = bridge, c

    def refuse(self):
        def arm(p, blobs):
            raise Failed("E_NOTFOUND", "state", "no such symbol")
        c, bridge = self.pick()
        self.worker.jobs["watch_snapshot"] = arm
        code = c.refusal("watch_snapshot", {"symbol": "s", "target": self.target}, b=bridge).code
        equal(code, "E_LIMIT" if len(self.on(bridge)) == 3 else "E_NOTFOUND")
        self.worker.jobs["watch_snapshot"] = self.worker.arm

    def remove(self):
        c, bridge = self.pick()
        if not self.on(bridge):
            equal(c.refusal("unwatch", {"watch": 1}, b=bridge).code, "E_NOTFOUND")
            return
        id = self.draw.choice(self.on(bridge))
        c.call("unwatch", {"watch": id}, b=bridge)
        del self.held[id]

    def fire(self):
        for id in self.held:
            self.fired += 1
            self.worker.fire(id, self.fired)

    def disarm(self):
        if self.held:
            id = self.draw.choice(sorted(self.held))
            del self.worker.armed[id]
            self.worker.tell_watched(id, "disarmed", reason="hot")
            while any(row["watch"] == id for row in self.rows(self.held[id][0])):
                pass
            del self.held[id]

    def bye(self):
        c, _ = self.pick()
        c.call("bye")
        self.held = {id: held for id, held in self.held.items() if held[1] is not c}

    def close_bridge(self):
        c, bridge = self.pick()
        self.rows(bridge)  # which opens it
        c.call("close_bridge", b=bridge)
        self.held = {id: held for id, held in self.held.items() if held[0] != bridge}

    def lose_worker(self):
        self.worker.close()
        self.worker = Watcher(self.broker.work, "model", self.target)
        self.held = {}

    def rows(self, bridge):
        return self.clients[0].call("list_watches", b=bridge)

    def compare(self):
        for bridge in self.bridges:
            equal([row["watch"] for row in self.rows(bridge)], self.on(bridge))
        counts = {row["name"]: row["watches"] for row in self.clients[0].call("status")["bridges"]}
        for bridge in self.bridges:
            equal(counts[bridge], len(self.on(bridge)))

    def settle(self):
        """What the worker has armed is what is held, once it has done what it was told."""
        self.clients[0].call("capture_snapshot", {"tag": "t", "target": self.target}, b=self.bridges[0])
        equal(sorted(self.worker.armed), sorted(self.held))


@test("any order of adding, refusing, ending and losing: slots held are watches held, at the worker too")
def model(broker):
    seed = int(os.environ.get("KSNAP_TEST_SEED", random.randrange(2**32)))
    print(f"# KSNAP_TEST_SEED={seed}")
    m = Model(broker, seed)
    steps = [m.add] * 6 + [m.remove] * 3 + [m.refuse, m.fire, m.disarm, m.bye, m.close_bridge] + [m.lose_worker]
    for _ in range(400):
        m.draw.choice(steps)()
        m.compare()
        m.settle()
    m.close()


def main():
    with Broker() as broker:
        return run(broker, on_failure=broker.tell)


if __name__ == "__main__":
    sys.exit(main())
