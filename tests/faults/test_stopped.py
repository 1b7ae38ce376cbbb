# SPDX-License-Identifier: MIT
"""A broker that stands still while 64 programs connect to it answers all of them once it goes on.

KSNAP_STOPPED_ROUNDS: how often (3)."""
import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:1] = [HERE, os.path.join(HERE, "..", "interop")]

import reports  # noqa: E402
from serve import Broker  # noqa: E402
from tap import comment, equal, run, test  # noqa: E402

KSNAP = os.environ["KSNAP"]
ROUNDS = int(os.environ.get("KSNAP_STOPPED_ROUNDS", "3"))
PROGRAMS, STORED = 64, 3
WAIT_S = 60


def connections(path):
    """How many there are to a socket, those included that nobody has taken."""
    with open("/proc/net/unix") as f:
        return sum(line.split()[-1] == path for line in f) - 1  # one listens


def start(url, *words):
    return subprocess.Popen([KSNAP, "-q", "-e", url, "--timeout", str(WAIT_S * 1000), *words], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def connect_while_it_stands(broker, *words):
    """64 of such a program: each has tried to connect before the broker goes on. What became of each."""
    path = broker.ipc.removeprefix("ipc://")
    before = connections(path)
    broker.process.send_signal(signal.SIGSTOP)
    try:
        programs = [start(broker.ipc, *words) for _ in range(PROGRAMS)]
        end = time.monotonic() + WAIT_S
        while connections(path) - before < PROGRAMS:
            assert time.monotonic() < end, f"{connections(path) - before} of {PROGRAMS} have connected"
            equal([p.poll() for p in programs if p.poll() is not None], [], "ended before the broker went on")
    finally:
        broker.process.send_signal(signal.SIGCONT)
    got = []
    for p in programs:
        out, err = p.communicate(timeout=2 * WAIT_S)
        equal(p.returncode, 0, f"{words}: {err}")
        got.append(out)
    return got


@test("64 monitors that come while it stands still: each follows from the oldest number on")
def monitors(_):
    for _ in range(ROUNDS):
        with Broker() as broker:
            with broker.client() as c:
                for i in range(STORED):
                    c.call("store_snapshot", {"tag": f"t{i}"}, [reports.head()])
            for out in connect_while_it_stands(broker, "monitor", "--from", "oldest", "--channel", "snapshot/", "--until-empty",
                                               "-o", "jsonl"):
                equal([json.loads(line)["seq"] for line in out.splitlines()], list(range(1, STORED + 1)), "numbers")
    comment(f"{ROUNDS} rounds of {PROGRAMS}")


@test("64 requests that come while it stands still: each is answered")
def requests(_):
    for _ in range(ROUNDS):
        with Broker() as broker:
            with broker.client() as c:
                c.call("store_snapshot", {"tag": "t"}, [reports.head()])
            for out in connect_while_it_stands(broker, "list", "-o", "json"):
                equal([row["tag"] for row in json.loads(out)], ["t"])
    comment(f"{ROUNDS} rounds of {PROGRAMS}")


if __name__ == "__main__":
    sys.exit(run(None))
