# SPDX-License-Identifier: MIT
"""ksnap watch, unwatch and watches, with a worker in Python that fires when the test says so."""
import contextlib
import json
import os
import re
import signal
import subprocess
import sys

import reports
from serve import Broker
from tap import equal, run, test
from watcher import REPORT, Stage, Watcher

KSNAP = os.environ["KSNAP"]
END_S = 30


class Command:
    """`ksnap watch` on the bridge of a stage; ready when it says that the watch is armed."""

    def __init__(self, stage, *args):
        self.process = subprocess.Popen([KSNAP, "--endpoint", stage.broker.ipc, "--bridge", stage.target, "watch",
                                         "--target", stage.target, *args],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        self.said = self.process.stderr.readline()
        assert self.said.startswith("ksnap: watch "), self.said
        self.id = int(self.said.split()[2])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.communicate()

    def line(self):
        return self.process.stdout.readline().rstrip("\n")

    def end(self, sig=None):
        """(exit code, what more it printed, what more it said)."""
        if sig:
            self.process.send_signal(sig)
        out, err = self.process.communicate(timeout=END_S)
        return self.process.returncode, out, err


def ksnap(stage, *args):
    done = subprocess.run([KSNAP, "--endpoint", stage.broker.ipc, "--bridge", stage.target, *args],
                          capture_output=True, text=True, timeout=END_S)
    return done.returncode, done.stdout, done.stderr


@test("hits are printed as they come: value, who, where; SIGINT and SIGTERM end it with the totals")
def lines(broker):
    for sig in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        with Stage(broker) as s, Command(s, "jiffies_64", "--len", "8", "--rate", "7", "--burst", "3", "--map", "a*",
                                         "--each") as c:
            equal(c.said, f"ksnap: watch {c.id} on jiffies_64: 8 bytes at 0xffff888000001000, slot 1; ends with this "
                          "command (^C)\n")
            job = s.w.job("watch_snapshot")
            equal(job["p"], {"symbol": "jiffies_64", "len": 8, "rate": 7, "burst": 3, "maps": ["a*"], "each": True,
                             "target": s.target, "id": c.id})
            s.w.fire(c.id, 1)
            line = c.line()
            assert "#1 " in line and "0 → 1  writer pid 812 tid 813 cpu 1  do_write+0x10" in line, line
            s.next("captured")
            s.w.fire(c.id, 2, hits=12, suppressed=10)
            line = c.line()
            assert "1 → 2" in line and line.endswith("(10 more before it)"), line
            s.next("captured")
            s.w.fire(c.id, 3, hits=20, suppressed=17, unseen=4)
            line = c.line()
            assert "2 → 3" in line and line.endswith("(7 more before it, 4 of them unseen)"), line
            code, out, err = c.end(sig)
            equal((code, out), (0, ""))
            equal(err, "ksnap: 1000 hits, 3 shown, 980 only counted (4 of them unseen)\n")
            equal((s.held(), s.w.armed), (0, {}))


@test("-v prints the stack, -o jsonl the whole hit, one a line")
def forms(broker):
    with Stage(broker) as s, Command(s, "x", "-v") as c:
        s.w.fire(c.id, 1)
        c.line()
        equal([c.line(), c.line()], ["    ffffffff81000010  do_write+0x10", "    ffffffff81000020  0xffffffff81000020"])
        equal(c.end(signal.SIGINT)[0], 0)
    with Stage(broker) as s, Command(s, "x", "-o", "jsonl") as c:
        for n in 1, 2, 3:
            s.w.fire(c.id, n)
            hit = json.loads(c.line())
            equal((hit["n"], hit["new"], hit["comm"], len(hit["stack"])), (n, n, "writer", 2))
        equal(c.end(signal.SIGINT)[:2], (0, ""))


@test("a hit of 1, 2 and 4 bytes is a number, of an object's end is said so, of odd bytes is hex")
def values(broker):
    with Stage(broker) as s, Command(s, "x") as c:
        for n, (old, new, text) in enumerate([(b"\x01", b"\xff", "1 → 255"), (b"\x01\x01", b"\x02\x01", "257 → 258"),
                                              (b"\0" * 4, b"\xff" * 4, "0 → 4294967295"),
                                              (b"\0" * 8, b"\xff" * 8, "0 → 18446744073709551615"),
                                              (b"\0" * 3, b"\x0a\x0b\x0c", "000000 → 0a0b0c"), (None, None, "it ends")], 1):
            hit = {"n": n, "addr": 0, "len": 0, "pid": 0, "tid": 0, "comm": "a\x1b[31mb", "cpu": 0, "cgroup": 0, "mono": 1,
                   "regs": {}, "stack": [], "suppressed": 0}
            if new:
                hit.update(old=old, new=new)
            s.w.send({"k": "fired", "watch": c.id, "n": n, "mono": 1, "hit": hit, "hits": n, "suppressed": 0})
            line = c.line()
            assert f" {text}  " in line if new else line.endswith(f" {text}"), (line, text)
            assert "\x1b" not in line, repr(line)
        c.end(signal.SIGINT)


@test("it ends by itself: --max-hits, --for, and when somebody else ends the watch")
def ends(broker):
    with Stage(broker) as s, Command(s, "x", "--max-hits", "2") as c:
        s.w.fire(c.id, 1)
        s.w.fire(c.id, 2)
        s.w.tell_watched(c.id, "disarmed", 20, 18, reason="max_hits")
        code, out, err = c.end()
        equal((code, len(out.splitlines()), err), (0, 2, "ksnap: 20 hits, 2 shown, 18 only counted\n"))
    with Stage(broker) as s, Command(s, "x", "--for", "50ms") as c:
        code, out, err = c.end()
        equal((code, out, err), (0, "", "ksnap: 1000 hits, 0 shown, 980 only counted\n"))
        equal(s.held(), 0)
    with Stage(broker) as s, Command(s, "x") as c:
        code, out, err = ksnap(s, "unwatch", str(c.id))
        equal((code, err), (0, ""))
        assert "hits" in out and "1000" in out, out
        code, out, err = c.end()
        equal((code, out), (0, ""))
        equal(err, "ksnap: somebody else ended the watch\nksnap: 1000 hits, 0 shown, 980 only counted\n")


@test("hits that came while a capture was under way are counted as those without one")
def missed(broker):
    with Stage(broker, captures=False) as s, Command(s, "x") as c:
        s.w.fire(c.id, 1)
        job = s.w.job("capture_snapshot")
        for n in 2, 3, 4:
            s.w.fire(c.id, n, hits=n + 5, suppressed=5)
        for n in range(4):
            c.line()
        s.w.tell_watched(c.id, "disarmed", 10, 6, reason="max_hits")
        code, _, err = c.end()
        equal((code, err), (0, "ksnap: 10 hits, 4 shown, 6 only counted, 2 without a capture\n"))
        s.w.done(job["job"], reports.captured(), blob=REPORT)
        equal(s.w.job("capture_snapshot")["p"]["missed"], 2)


@test("the end of an object that it waited for is a good end")
def object_ends(broker):
    with Stage(broker) as s, Command(s, "object:x") as c:
        s.w.send({"k": "fired", "watch": c.id, "n": 1, "mono": 1, "hits": 1, "suppressed": 0,
                  "hit": {"n": 1, "addr": 0, "len": 0, "pid": 0, "tid": 0, "comm": "", "cpu": 0, "cgroup": 0, "mono": 1,
                          "regs": {}, "stack": [], "suppressed": 0}})
        c.line()
        s.w.tell_watched(c.id, "disarmed", 1, 0, reason="object_gone")
        code, _, err = c.end()
        equal((code, err), (0, "ksnap: 1 hits, 1 shown, 0 only counted\n"))


@test("it fails when the watch is over for a bad reason")
def bad_ends(broker):
    with Stage(broker) as s, Command(s, "x") as c:
        s.w.tell_watched(c.id, "disarmed", 10**6, 10**6, reason="hot")
        code, _, err = c.end()
        equal(code, 1)
        assert re.search(r"the watch is over: hot \(1000000 hits in \d+\.\d s\): .* 20 % of a CPU.*\. Watch ", err), err
        assert "ksnap: 1000000 hits, 0 shown, 1000000 only counted\n" in err, err
    with Stage(broker) as s, Command(s, "x") as c:
        s.w.fire(c.id, 1, hits=8, suppressed=7)
        c.line()
        s.w.close()
        with Watcher(broker.work, s.name, s.target) as s.w:  # another life under its name
            code, _, err = c.end()
        equal(code, 1)
        assert "the watch is over: worker_lost: the worker that held the register has ended. " in err, err
        assert ("at least 8 hits, 1 shown, at least 7 only counted; nobody was there to tell the last counts\n"
                in err), err
    with Stage(broker) as s, Command(s, "x") as c:
        s.call("close_bridge")
        code, _, err = c.end()
        equal(code, 1)
        assert "the watch is over: bridge_closed: its bridge was closed\n" in err, err
        assert "ksnap: 1000 hits, 0 shown, 980 only counted\n" in err, err
    with Broker() as other, Stage(other) as s, Command(s, "x") as c:
        other.process.kill()
        other.process.wait()
        equal(c.end()[0], 5)
    with Stage(broker) as s, Command(s, "x") as c:
        s.w.tell_watched(c.id, "disarmed", 0, 0, reason="of_tomorrow")
        code, _, err = c.end()
        equal(code, 1)
        assert "the watch is over: of_tomorrow\n" in err, err


@test("kill -9 of the command: its session is lost and the slot free")
def killed(broker):
    with Stage(broker) as s, Command(s, "x") as c:
        c.process.kill()
        s.next("session_lost")
        s.all_slots_are_free()
        equal(s.w.armed, {})


@test("it stays for longer than a silent session is kept")
def stays(broker):
    with Stage(broker) as s, Command(s, "x") as c:
        for beat in range(7):
            s.live.next(lambda h: h["k"] == "watch_armed") if beat == 0 else s.w.wait("beat")
        s.w.fire(c.id, 1)
        assert "0 → 1" in c.line()
        equal(c.end(signal.SIGINT)[0], 0)


@test("watches lists them, unwatch takes a symbol; wrong words are told")
def others(broker):
    with Stage(broker) as s, Command(s, "obj.bss:n") as c:
        code, out, err = ksnap(s, "watches")
        equal((code, err), (0, ""))
        title, row = out.splitlines()
        assert title.startswith("WATCH") and f"{c.id}" in row and "obj.bss:n" in row and "armed" in row and "0xffff888000001000" in row, out
        rows = json.loads(ksnap(s, "watches", "-o", "json")[1])
        equal([(row["watch"], row["symbol"], row["session"]) for row in rows], [(c.id, "obj.bss:n", "ksnap")])
        code, _, err = ksnap(s, "unwatch", "nothing")
        equal(code, 1)
        assert "no watch of this bridge is on nothing" in err, err
        equal(ksnap(s, "unwatch", "obj.bss:n")[0], 0)
        equal(c.end()[0], 0)
        equal(ksnap(s, "watches", "-o", "json")[1].strip(), "[]")


@test("bad use is told before anything is armed")
def usage(broker):
    with Stage(broker) as s:
        for args, words in ((["watch"], "SYMBOL"), (["watch", "x", "--for", "5"], "--for"),
                            (["watch", "x", "--len", "9"], "--len"), (["watch", "x", "--rate", "0"], "--rate"),
                            (["unwatch"], "unwatch"), (["watch", "x", "--len", "3", "--target", s.target], "len"),
                            (["watch", "x\ty", "--target", s.target], "symbol: has the control character")):
            code, out, err = ksnap(s, *args)
            equal((code, out), (2, ""), str(args))
            assert words in err, err
        code, _, err = ksnap(s, "watch", "x", "--target", "nobody")
        equal(code, 1)
        assert "no target is called" in err, err
        for i in range(3):
            s.watch(f"s{i}")
        code, _, err = ksnap(s, "watch", "x", "--target", s.target)
        equal(code, 1)
        assert "MAX_WATCH_SNAPSHOTS" in err, err


def main():
    with Broker() as broker:
        return run(broker, on_failure=broker.tell)


if __name__ == "__main__":
    sys.exit(main())
