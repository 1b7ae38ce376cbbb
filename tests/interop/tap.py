# SPDX-License-Identifier: MIT
"""Tests as functions, results as TAP. A test that lacks something on this machine says so with
require(); when KSNAP_TEST_REQUIRE names that thing, the lack is a failure."""
import os
import sys
import traceback

tests = []


class Skip(Exception):
    pass


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


def run_one(number, name, fn, args):
    try:
        fn(*args)
    except Skip as e:
        print(f"ok {number} - {name} # SKIP {e}", flush=True)
        return True
    except Exception:
        print(f"not ok {number} - {name}", flush=True)
        comment(traceback.format_exc())
        return False
    print(f"ok {number} - {name}", flush=True)
    return True


def run(*args, on_failure=None):
    """Run all tests with @args; exit status of the program."""
    failed = 0
    print(f"1..{len(tests)}")
    for number, (name, fn) in enumerate(tests, 1):
        if not run_one(number, name, fn, args):
            failed += 1
    if failed and on_failure:
        on_failure()
    sys.stdout.flush()
    return 1 if failed else 0
