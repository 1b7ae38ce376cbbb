# SPDX-License-Identifier: MIT
"""`ksnap drain` beside a report that cannot be read, and into an output that fails: what is good comes
through, the rest is counted. Who reads one report of a store is told which one is bad."""
import json
import os
import subprocess
import tempfile

from bus import pack
from reports import captured, head, whole
from serve import Broker
from shapes import check_refusal
from tap import equal, run, test
from worker import Worker

WAIT_S = 60
BAD = "E_PROTO: {}report: tag is not a str"
SCRIPT = """
local bridge = require("ksnap").connect()
local none, why = bridge:get "b"
assert(none == nil and tostring(why):find("b: report: tag is not a str", 1, true), tostring(why))
local rows = bridge:drain()
assert(#rows == 3 and rows.count == 3, "not all came")
assert(rows[1].snapshot.tag == "a" and rows[3].snapshot.tag == "c")
assert(rows[2].snapshot == nil and rows[2].err.code == "E_PROTO", tostring(rows[2].err))
"""


def good(tag):
    return pack(whole([], [], tag=tag))


def store(broker, *bad):
    """Snapshots a, b and c; those in @bad are no more than the head of a report."""
    with broker.client() as client:
        for tag in "abc":
            client.call("store_snapshot", {"tag": tag}, [head() if tag in bad else good(tag)])


def ksnap(broker, *args, out=subprocess.PIPE):
    """(exit status, what it wrote, what it said)"""
    done = subprocess.run([os.environ["KSNAP"], *args, "-e", broker.ipc], stdin=subprocess.DEVNULL, stdout=out,
                          stderr=subprocess.PIPE, timeout=WAIT_S)
    return done.returncode, done.stdout, done.stderr.decode()


def check_empty(broker):
    with broker.client() as client:
        equal(client.call("list"), [])


def check_said(said, *lines):
    for line in lines:
        if line not in said:
            raise AssertionError(f"{line!r} is not in {said!r}")


@test("JSON lines: the bad one is null with the error, the others are whole")
def lines(broker):
    for bad in "a", "b", "c":
        store(broker, bad)
        status, out, said = ksnap(broker, "drain", "-o", "jsonl")
        rows = [json.loads(line) for line in out.splitlines()]
        equal([row["tag"] for row in rows], ["a", "b", "c"])
        equal([(row["report"] or {}).get("tag") for row in rows], [None if tag == bad else tag for tag in "abc"])
        equal([row.get("report_error") for row in rows],
              ["report: tag is not a str" if tag == bad else None for tag in "abc"])
        equal(status, 1)
        check_said(said, "drained 3 snapshots", "1 of the 3 snapshots that were taken have a report that cannot be read")
        check_empty(broker)


@test("JSON: still one list; msgpack: the bytes as they are")
def others(broker):
    store(broker, "a", "b", "c")
    status, out, _ = ksnap(broker, "drain", "-o", "json")
    equal([(row["tag"], row["report"]) for row in json.loads(out)], [("a", None), ("b", None), ("c", None)])
    equal(status, 1)
    store(broker, "b")
    equal(ksnap(broker, "drain", "-q", "-o", "msgpack"), (0, good("a") + head() + good("c"), ""))
    store(broker)
    status, out, said = ksnap(broker, "drain", "-q", "-o", "jsonl")
    equal((status, [json.loads(line)["report"]["tag"] for line in out.splitlines()], said), (0, ["a", "b", "c"], ""))


@test("an output that fails: what was taken and not written is counted")
def full(broker):
    for form in "jsonl", "json", "msgpack", "table":
        store(broker)
        with open("/dev/full", "wb") as out:
            status, _, said = ksnap(broker, "drain", "-o", form, out=out)
        equal(status, 1)
        check_said(said, "3 of the 3 snapshots that were taken are not written", "cannot write the output")
        check_empty(broker)


@test("a pipe whose reader is gone")
def pipe(broker):
    store(broker)
    reader, writer = os.pipe()
    os.close(reader)
    status, _, said = ksnap(broker, "drain", "-o", "jsonl", out=writer)
    os.close(writer)
    equal(status, 1)
    check_said(said, "3 of the 3 snapshots that were taken are not written", "Broken pipe")


@test("whoever reads one is told which one is bad")
def names(broker):
    store(broker, "b")
    for args in ("show", "b"), ("show", "b", "x"), ("diff", "a", "b"), ("show", "b", "-o", "jsonl"):
        status, out, said = ksnap(broker, *args)
        equal((status, out), (1, b""))
        check_said(said, BAD.format("b: "))
    with broker.client() as client:
        refused = client.refusal("get", {"tag": "b", "as": "tree"})
        check_refusal(refused)
        equal((refused.code, refused.msg), ("E_PROTO", "b: report: tag is not a str"))
    with Worker(broker.work, "mine", "python", {"capture_snapshot": lambda p, blobs: (captured(), head())}):
        status, out, said = ksnap(broker, "capture", "d", "-T", "python")
        equal((status, out), (1, b""))
        check_said(said, BAD.format("d: "))
    with broker.client() as client:
        client.parts("drain")


@test("a scenario has the good ones, too")
def scenario(broker):
    store(broker, "b")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT)
        script.flush()
        status, _, said = ksnap(broker, "run", "-q", script.name)
        equal((status, said), (0, ""))
    check_empty(broker)


if __name__ == "__main__":
    with Broker() as broker:
        raise SystemExit(run(broker, on_failure=broker.tell))
