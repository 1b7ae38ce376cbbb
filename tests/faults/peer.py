# SPDX-License-Identifier: MIT
"""An executor that asks for all kinds of things until its stdin ends, and then sees that each request had
its answer. What was not answered in time is asked again under its id: the broker gives the same answer,
or says that the work is under way. The last thing asked for, when nothing is killed any more, is a ping: it
has to be granted, so that nobody passes who was only ever refused or forgotten. A line of JSON at the end:
what was asked, answered, refused. What answers say of numbers goes to the file NAME.got of the folder at
once, so that a kill leaves it: `stored SEQ`, `drained SEQ`, `event SEQ`."""
import collections
import json
import os
import random
import select
import sys
import time

from bus import Client, pack, split

IN_FLIGHT = 8
RESEND_S = 3
DEADLINE_MS = 8000
END_S = 60
REPORT = pack({"schema": "ksnap.report/1", "placeholder": False, "complete": True})


class Asked:
    def __init__(self, request):
        self.request, self.sent_at, self.times, self.finals, self.seqs = request, time.monotonic(), 1, 0, set()


class Executor:
    def __init__(self, url, name, seed, folder):
        self.client, self.random = Client(url, identity=name.encode()), random.Random(f"{seed} {name}")
        self.name, self.asked, self.open, self.codes = name, {}, set(), collections.Counter()
        self.last = self.last_code = None
        self.got = os.open(f"{folder}/{name}.got", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def choose(self):
        tag = f"t{self.random.randrange(100)}"
        return self.random.choices([
            ("store_snapshot", {"tag": tag}, (REPORT,)), ("capture_snapshot", {"tag": tag}, ()), ("has", {"tag": tag}, ()),
            ("list", {}, ()), ("ping", {}, ()), ("drain_events", {}, ()), ("drain", {}, ()), ("get", {"tag": tag}, ()),
            ("no_such_op", {}, ()), ("store_snapshot", {"tag": ""}, (REPORT,)),
            ("watch_snapshot", {"symbol": f"map{self.random.randrange(2)}", "each": self.random.random() < 0.5}, ()),
            ("unwatch", {"symbol": f"map{self.random.randrange(2)}"}, ()), ("list_watches", {}, ()),
        ], (30, 20, 10, 5, 20, 2, 1, 10, 1, 1, 5, 4, 2))[0]

    def send(self, id):
        op, p, blobs = self.asked[id].request
        self.client.send(op, p, blobs, id=id, t=DEADLINE_MS, b="faults")

    def ask(self, request=None):
        id = f"{self.name}.{len(self.asked)}"
        self.asked[id] = Asked(request or self.choose())
        self.open.add(id)
        self.send(id)
        return id

    def ask_again(self):
        for id in sorted(self.open):
            asked = self.asked[id]
            if time.monotonic() - asked.sent_at > RESEND_S:
                asked.sent_at, asked.times = time.monotonic(), asked.times + 1
                self.send(id)

    def note(self, asked, r):
        """Numbers of an answer that is whole now."""
        op, first = asked.request[0], not asked.finals
        lines = []
        if first and op in ("store_snapshot", "capture_snapshot"):
            lines = [f"stored {r['seq']}"]
        elif first and op == "drain" and asked.times == 1:  # else parts may be of a drain that was not done
            lines = [f"drained {seq}" for seq in sorted(asked.seqs)]
        elif first and op == "drain_events":
            lines = [f"event {event['seq']}" for event in r if event["seq"]]
        if lines:
            os.write(self.got, ("\n".join(lines) + "\n").encode())

    def take(self, envelope):
        asked = self.asked[envelope["id"]]
        code = envelope["e"]["code"] if not envelope["ok"] else "ok"
        if envelope.get("more"):
            asked.seqs.add(envelope["r"].get("seq"))
        if envelope.get("more") or (asked.times > 1 and code == "E_BUSY"):
            return
        if code == "ok":
            self.note(asked, envelope["r"])
        asked.finals += 1
        self.codes[code] += 1
        self.open.discard(envelope["id"])
        if envelope["id"] == self.last:
            self.last_code = code

    def read(self):
        """One message is one part: the connection may be cut between two of them."""
        if self.client.socket.poll(100):
            for part in split(self.client.socket.recv_multipart()):
                self.take(part.envelope)

    def work(self):
        end = None
        while end is None or (self.open and time.monotonic() < end):
            while end is None and len(self.open) < IN_FLIGHT:
                self.ask()  # before it looks whether to end: the youngest has asked, too
            if end is None and select.select([sys.stdin], [], [], 0)[0]:
                end, self.last = time.monotonic() + END_S, self.ask(("ping", {}, ()))
            self.read()
            self.ask_again()

    def verdict(self):
        """What is wrong with the answers: none, or more of them than times asked."""
        wrong = [f"{id}: {a.request[0]} was asked {a.times} times and had {a.finals} answers"
                 for id, a in self.asked.items() if not 1 <= a.finals <= a.times]
        return {"name": self.name, "asked": len(self.asked), "codes": self.codes, "last": self.last_code,
                "wrong": wrong[:5], "n_wrong": len(wrong),
                "again": sum(a.times - 1 for a in self.asked.values())}


def main():
    executor = Executor(*sys.argv[1:5])
    executor.work()
    print(json.dumps(executor.verdict()))


if __name__ == "__main__":
    main()
