# SPDX-License-Identifier: MIT
"""Tests as functions, results as TAP. A test that lacks something on this machine says so with
require(); when KSNAP_TEST_REQUIRE names that thing, the lack is a failure.

A test that does not end is told with all that waits, and broken off; the second one ends the program.
What a test may take is no measure of speed: a third of KSNAP_TEST_LIMIT_S, which the whole program has."""
import faulthandler
import os
import signal
import sys
import tempfile
import traceback

LIMIT_S = int(os.environ.get("KSNAP_TEST_LIMIT_S") or 900)
AGAIN_S = 30  # for what is cleaned up behind a test that was broken off

tests = []


class Skip(Exception):
    pass


class Hang(BaseException):
    """A test was broken off. It is no Exception, for no test to take it for one that it awaits."""


def test(name):
    """Register the function below as a test."""
    def add(fn):
        tests.append((name, fn))
        return fn
    return add


def require(thing, have, why):
    if have:
        return
    if thing in os.environ.get("KSNAP_TEST_REQUIRE", "").split(","):
        raise AssertionError(f"KSNAP_TEST_REQUIRE names {thing}, but {why}")
    raise Skip(why)


def equal(got, want, what=""):
    if got != want:
        raise AssertionError(f"{what + ': ' if what else ''}{clip(got)}, expected {clip(want)}")


def clip(value):
    text = repr(value)
    return text if len(text) <= 400 else f"{text[:400]}... ({len(text)} characters)"


def comment(text):
    for line in str(text).rstrip("\n").split("\n"):
        print("#", line)


# ---- tests that do not end -----------------------------------------------------------------------------

def read(path):
    try:
        with open(path, "rb") as f:
            return f.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError as e:
        return f"({e.strerror})"


def threads(pid):
    """None of a process that is gone, or goes."""
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def below(pid):
    """Processes that @pid began, and theirs."""
    found = []
    for thread in threads(pid):
        for child in read(f"/proc/{pid}/task/{thread}/children").split():
            if child.isdigit():
                found += [int(child), *below(int(child))]
    return found


def tell_threads():
    """Where each thread of ours is."""
    with tempfile.TemporaryFile("w+") as f:
        faulthandler.dump_traceback(f)
        f.seek(0)
        comment(f.read())


def tell_process(pid):
    comment(f"process {pid}: {read(f'/proc/{pid}/cmdline')}")
    for thread in threads(pid):
        comment(f"    thread {thread}: in {read(f'/proc/{pid}/task/{thread}/wchan')}, "
                f"system call {read(f'/proc/{pid}/task/{thread}/syscall')}")


class Limit:
    """With it: what is in it is broken off by Hang, and what it began is killed."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __enter__(self):
        self.before = set(below(os.getpid()))
        self.handler = signal.signal(signal.SIGALRM, self.break_off)
        signal.alarm(self.seconds)

    def __exit__(self, *_):
        signal.alarm(0)
        signal.signal(signal.SIGALRM, self.handler)

    def break_off(self, *_):
        signal.alarm(AGAIN_S)
        comment(f"not over within {self.seconds} s (KSNAP_TEST_LIMIT_S={LIMIT_S}); what waits:")
        tell_threads()
        mine = [pid for pid in below(os.getpid()) if pid not in self.before]
        for pid in mine:
            tell_process(pid)
        for pid in mine:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        sys.stdout.flush()
        raise Hang(f"broken off after {self.seconds} s")


# ---- one after the other -------------------------------------------------------------------------------

def run_one(number, name, fn, args):
    """True: good; False: failed; None: it had to be broken off."""
    try:
        with Limit(LIMIT_S // 3):
            fn(*args)
    except Skip as e:
        print(f"ok {number} - {name} # SKIP {e}", flush=True)
        return True
    except (Exception, Hang) as e:
        print(f"not ok {number} - {name}", flush=True)
        comment(traceback.format_exc())
        return None if isinstance(e, Hang) else False
    print(f"ok {number} - {name}", flush=True)
    return True


def run(*args, on_failure=None):
    """Run all tests with @args; exit status of the program."""
    failed = hung = 0
    faulthandler.register(signal.SIGTERM, sys.stdout, chain=True)
    print(f"1..{len(tests)}", flush=True)
    for number, (name, fn) in enumerate(tests, 1):
        good = run_one(number, name, fn, args)
        failed += not good
        hung += good is None
        if hung == 2:
            print("Bail out! a second test does not end", flush=True)
            break
    if failed and on_failure:
        on_failure()
    sys.stdout.flush()
    return 1 if failed else 0
