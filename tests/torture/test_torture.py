# SPDX-License-Identifier: MIT
"""Whole programs, in which call number k of a kind fails, for one k after the other: memory, libzmq, bpf,
perf_event_open, accept4, files. Each run ends, by itself and not by a signal, with what was asked for or with words
that say why not, and leaves no process and no socket behind. fail_call.c makes calls fail.

KSNAP_TORTURE=all fails every call, 3/10 those of the third of ten parts, a number so many of each kind, else some, others
each time; KSNAP_TORTURE_SEED: as printed by a run, to have its calls again."""
import contextlib
import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:1] = [HERE, os.path.join(HERE, "..", "interop")]

import reports  # noqa: E402
from bus import Client, Late  # noqa: E402
from tap import comment, equal, require, run, test  # noqa: E402

KSNAP, BUILD = os.environ["KSNAP"], os.environ["KSNAP_TOP_BUILDDIR"]
LIBRARY = f"{BUILD}/tests/torture/fail_call.so"
TORTURE = os.environ.get("KSNAP_TORTURE", "")
PART, PARTS = map(int, TORTURE.split("/")) if "/" in TORTURE else (1, 1)
ALL = TORTURE == "all" or "/" in TORTURE
SOME = int(TORTURE) if TORTURE.isdigit() else 4
SEED = os.environ.get("KSNAP_TORTURE_SEED") or str(random.SystemRandom().randrange(1 << 32))
RANDOM = random.Random(SEED)
WAIT_S = 60
KNOWN = (0, 1, 2, 3, 4, 5, 124)
FIXTURE = "fixture:maps=2,entries=3"


def environment(dir, family, k, count=None, child=False):
    env = {**os.environ, "XDG_RUNTIME_DIR": dir, "TMPDIR": dir, "LD_PRELOAD": LIBRARY, "KSNAP_FAIL_CALL": family,
           "KSNAP_FAIL_AT": str(k), "KSNAP_TORTURED": dir}
    if count:
        env["KSNAP_FAIL_COUNT"] = count
    if child:
        env["KSNAP_FAIL_CHILD"] = "1"
    return env


@contextlib.contextmanager
def folder():
    dir = tempfile.mkdtemp(prefix="ksnap-torture-")
    try:
        yield dir
    finally:
        shutil.rmtree(dir, ignore_errors=True)


def left(dir):
    """Processes of that run which are still there."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                if f"KSNAP_TORTURED={dir}".encode() in f.read().split(b"\0"):
                    found.append(int(pid))
        except OSError:
            pass
    return found


def check_left(dir):
    end = time.monotonic() + WAIT_S
    while left(dir):
        assert time.monotonic() < end, f"still there: {left(dir)}"
    sockets = [f"{at}/{name}" for at, _, names in os.walk(dir) for name in names
               if os.stat(f"{at}/{name}").st_mode & 0o170000 == 0o140000]
    equal(sockets, [], "sockets left")


def calls(count):
    """Which ones fail, of so many."""
    if ALL or count <= SOME:
        return range(PART, count + 1, PARTS)
    return sorted(RANDOM.sample(range(1, count + 1), SOME))


# ---- commands -----------------------------------------------------------------------------------------------


def once(dir, family, k, words, count=None):
    p = subprocess.run([KSNAP, *words], env=environment(dir, family, k, count), stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, errors="replace", timeout=WAIT_S, cwd=dir)
    assert p.returncode in KNOWN, f"{family} {k}: ended with {p.returncode}\n{p.stderr}"
    return p


def check_run(p, want, what):
    if p.returncode == 0:
        got = want["read"](p.stdout)
        assert got == want["good"] or want["excused"](got), f"{what}: {got}, expected {want['good']}"
    else:
        assert "ksnap: " in p.stderr or "not ok" in p.stdout, f"{what}: status {p.returncode} without a word: {p.stdout}"


def torture(family, words, read, excused=lambda got: False):
    """A command, with the calls of a family failing. @read makes of its output what has to be equal."""
    with folder() as dir:
        p = once(dir, family, 0, words, f"{dir}/count")
        equal(p.returncode, 0, f"{words} as it is: {p.stderr}")
        want = {"read": read, "good": read(p.stdout), "excused": excused}
        with open(f"{dir}/count") as f:
            count = int(f.read())
        good = 0
        for k in calls(count):
            p = once(dir, family, k, words)
            check_run(p, want, f"{family} {k}")
            good += p.returncode == 0
            check_left(dir)
    comment(f"{family}: {count} calls, {len(calls(count))} of them failed once, {good} runs had what they wanted all the same")


def shape_of(text):
    """Maps of a report by name, with how many entries each has; and whether it is complete."""
    report = json.loads(text)
    return report["complete"], [(m["name"], len(m.get("entries") or [])) for m in report["maps"]]


def incomplete(got):
    return not got[0]


@test("ksnap capture with a broker of its own")
def embedded():
    for family in "memory", "zmq":
        torture(family, ["capture", "t0", "-t", "3000", "--target", FIXTURE, "-o", "json"], shape_of, incomplete)


@test("ksnap run")
def scenario():
    with folder() as dir:
        script = f"{dir}/s.lua"
        with open(script, "w") as f:
            f.write("""local ksnap = require "ksnap"
return ksnap.scenario {
  name = "two",
  ksnap.step { "a", ksnap.op.capture_snapshot "a" }, ksnap.step { "b", ksnap.op.capture_snapshot "b" },
  check = function(run) ksnap.assert(run:snapshot("b").complete, "whole") end,
}
""")
        for family in "memory", "zmq":
            torture(family, ["run", script, "-t", "3000", "--target", FIXTURE], lambda text: [line[:4] for line in text.splitlines()])


@test("ksnap capture of the running kernel")
def kernel():
    require("root", os.geteuid() == 0, "reading the kernel's maps needs root")
    probe = subprocess.run([KSNAP, "capture", "t0", "-o", "json"], capture_output=True, text=True, timeout=WAIT_S)
    require("bpf", probe.returncode == 0, f"the kernel cannot be captured: {probe.stderr.strip()}")
    hold = subprocess.Popen([f"{BUILD}/tests/bpf/hold", f"{BUILD}/tests/bpf/shapes.bpf.o"], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    try:
        while (line := hold.stdout.readline()).strip() != "READY":
            assert line, "the object could not be loaded"
        for family in "bpf", "memory":
            torture(family, ["capture", "t0", "-t", "3000", "--map", "tasks", "-o", "json"], lambda text: shape_of(text)[0], lambda got: not got)
    finally:
        hold.stdin.close()
        hold.wait()


# ---- a broker -------------------------------------------------------------------------------------------------


class Talk:
    """One client's requests. Only one call fails: at most one answer may be missing, and that one is counted."""

    def __init__(self, url):
        self.url, self.missing = url, 0

    def dropped(self):
        """Asked again when this answer is the one that is missing."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            with Client(self.url) as c, contextlib.suppress(Late):
                c.send("status", {})
                return sum(row["n"] for row in c.receive(2000)[-1].r["dropped"])
        raise AssertionError("the broker serves nobody any more")

    def wait(self, c):
        """False: the answer was dropped."""
        end = time.monotonic() + WAIT_S
        while True:
            try:
                c.receive(200)
                return True
            except Late:
                if self.dropped() > self.missing:
                    return False
                assert time.monotonic() < end, "no answer, and none was counted as dropped"

    def ask(self, op, p, blobs=()):
        with Client(self.url) as c:
            c.send(op, p, blobs, t=3000)
            if not self.wait(c):
                self.missing += 1

    def all(self):
        for i in range(3):
            self.ask("store_snapshot", {"tag": f"t{i}"}, [reports.head()])
        for op, p in (("list", {}), ("get", {"tag": "t0"}), ("capture_snapshot", {"tag": "c"}), ("status", {}),
                      ("drain_events", {}), ("drain", {}), ("bye", {})):
            self.ask(op, p)


def talk_to_all(url):
    Talk(url).all()


def serve(dir, family, k, count=None, args=("--target", FIXTURE, "--state", "kept"), talk=talk_to_all):
    """A broker that is talked to; its exit status, and how much of it there was."""
    url = f"ipc://{dir}/control"
    with open(f"{dir}/said", "w") as said:
        p = subprocess.Popen([KSNAP, "serve", "--bind", url, "--workers", "thread", *args], cwd=dir,
                             env=environment(dir, family, k, count), stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=said)
    try:
        end = time.monotonic() + WAIT_S
        while p.poll() is None and "ksnap: serving" not in open(f"{dir}/said").read():
            assert time.monotonic() < end, f"{family} {k}: neither serves nor ends"
        if p.poll() is None:
            try:
                talk(url)
            except Exception as e:
                raise AssertionError(f"{family} {k}: {e}") from e
            p.send_signal(signal.SIGTERM)
        status = p.wait(WAIT_S)
    finally:
        p.kill()
        p.wait()
    said = open(f"{dir}/said").read()
    assert status in KNOWN, f"{family} {k}: ended with {status}: {said}"
    assert status == 0 or "ksnap: " in said, f"{family} {k}: status {status} without a word"
    return status


@test("ksnap serve --state: every request is answered or counted, and it ends well")
def broker():
    for family in "memory", "zmq", "file", "accept":
        with folder() as dir:
            equal(serve(dir, family, 0, f"{dir}/count"), 0)
            with open(f"{dir}/count") as f:
                count = int(f.read())
            for k in calls(count):
                serve(dir, family, k)
                check_left(dir)
        comment(f"{family}: {count} calls, {len(calls(count))} of them failed once")


class Writer:
    """A BPF program that writes to what is watched, when it is told to."""

    def __init__(self):
        self.p = subprocess.Popen([f"{BUILD}/tests/bpf/writer", f"{BUILD}/tests/bpf/watched.bpf.o"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        equal(self.p.stdout.readline().strip(), "READY")

    def order(self, words):
        self.p.stdin.write(words + "\n")
        self.p.stdin.flush()
        return self.p.stdout.readline().strip()

    def wait_free(self):
        end = time.monotonic() + WAIT_S
        while self.order("registers") != "free":
            assert time.monotonic() < end, "debug registers are left taken"

    def end(self):
        self.p.stdin.close()
        self.p.wait()


def watch_twice(writer):
    """Asked for a watch: it is armed, or refused in words. What is armed tells of writes."""
    def talk(url):
        with Client(url) as c:
            for _ in range(2):
                c.send("watch_snapshot", {"symbol": "watched:watched_u64"}, t=5000)
                reply = c.receive()[-1].envelope
                assert reply["ok"] or reply["e"]["msg"], reply
                writer.order("write_u64 3")
                c.send("list_watches", {})
                rows = c.receive()[-1].envelope["r"]
                equal(len(rows), 1 if reply["ok"] else 0, "watches listed")
                c.send("unwatch", {"symbol": "watched:watched_u64"}, t=5000)
                equal(c.receive()[-1].envelope["ok"], reply["ok"], "a watch is ended when it was armed")
    return talk


@test("ksnap serve: a watch in a debug register is armed or refused, and leaves no register taken")
def watches():
    require("root", os.geteuid() == 0, "watching the kernel's memory needs root")
    with open("/run/lock/ksnap-tests-registers", "w") as lock:  # they are the host's: one test at a time
        fcntl.flock(lock, fcntl.LOCK_EX)
        writer = Writer()
        try:
            writer.wait_free()
            for family in "perf", "bpf":
                with folder() as dir:
                    more = {"args": ("--target", "live"), "talk": watch_twice(writer)}
                    equal(serve(dir, family, 0, f"{dir}/count", **more), 0)
                    with open(f"{dir}/count") as f:
                        count = int(f.read())
                    assert count > 0, f"no call of {family}"
                    for k in calls(count):
                        serve(dir, family, k, **more)
                        check_left(dir)
                        writer.wait_free()
                comment(f"{family}: {count} calls, {len(calls(count))} of them failed once")
        finally:
            writer.end()


if __name__ == "__main__":
    if os.environ.get("SANITIZER", "no") != "no":
        print("1..0 # SKIP a sanitizer has its own malloc")
        sys.exit(0)
    comment(f"KSNAP_TORTURE_SEED={SEED}")
    sys.exit(run())
