# SPDX-License-Identifier: MIT
"""What a broker with --state has to have after each kill. A bridge that only the test writes to comes back
as it was, to the byte; behind the files' last record stands, at times, what was not written whole."""
import collections
import glob
import os

from bus import pack
from tap import equal

BRIDGE = "kept"
COUNTS = ("stored", "bytes", "accepted", "evicted", "overwritten", "drained", "refused", "events_kept", "events_raised",
          "events_dropped")
LIMITS = {"snapshots": 5, "events": 12}


def numbers_given(folder):
    """What the executors wrote of their answers: numbers by what they are about."""
    got = collections.defaultdict(list)
    for path in glob.glob(f"{folder}/*.got"):
        with open(path) as f:
            for line in f:
                what, seq = line.split()
                got[what].append(int(seq))
    return got


class Kept:
    def __init__(self, path, random):
        self.path, self.random = path, random
        self.before, self.torn, self.cut, self.lives, self.tore = None, 0, 0, 0, False

    def tear(self):
        """After a kill: something like a record, begun and not ended."""
        self.tore = self.random.random() < 0.5
        if self.tore:
            self.torn += 1
            newest = max(name for name in os.listdir(self.path) if name.endswith(".seg"))
            with open(f"{self.path}/{newest}", "ab") as f:
                f.write(self.random.choice((b"", b"KBAT")) + self.random.randbytes(self.random.randrange(1, 3000)))

    def books(self, c):
        row = [b for b in c.call("status")["bridges"] if b["name"] == BRIDGE]
        rows = c.call("list", b=BRIDGE) if row else []
        return {key: row[0][key] for key in COUNTS} if row else None, [
            (r, c.part("get", {"tag": r["tag"]}, b=BRIDGE).blobs) for r in rows]

    def look(self, c):
        """All is as it was, but for the event that says that something was cut."""
        counts, rows = self.books(c)
        self.lives, tore, self.tore = self.lives + 1, self.tore, False
        if not self.before:
            return
        was, rows_were = self.before
        cut = counts["events_raised"] - was["events_raised"]
        equal(cut, 1 if tore else cut, "a torn file is told of")
        assert cut in (0, 1), (counts, was)
        self.cut += cut
        kept = min(was["events_kept"] + cut, LIMITS["events"])
        equal(counts, {**was, "events_raised": was["events_raised"] + cut, "events_kept": kept,
                       "events_dropped": was["events_dropped"] + was["events_kept"] + cut - kept})
        equal(rows, rows_were)
        self.drain(c, counts, "state_cut" if cut else None)

    def drain(self, c, counts, last):
        """At times: what nobody drained is there, number by number."""
        if not last and self.random.random() < 0.7:
            return
        events = [e for e in c.call("drain_events", b=BRIDGE) if e["seq"]]
        raised = counts["events_raised"]
        equal([e["seq"] for e in events], list(range(raised - counts["events_kept"] + 1, raised + 1)), "events kept")
        if last:
            equal(events[-1]["k"], last)

    def change(self, c):
        """Some more, and the books as they are now: answered, hence kept."""
        if not self.before:
            c.call("open_bridge", {"limits": LIMITS}, b=BRIDGE)
        for _ in range(self.random.randrange(1, 40)):
            report = pack({"schema": "ksnap.report/1", "placeholder": False, "complete": True,
                           "pad": self.random.randbytes(self.random.randrange(20000))})
            c.call("store_snapshot", {"tag": f"t{self.random.randrange(9)}"}, [report], b=BRIDGE)
        if self.random.random() < 0.2:
            c.parts("drain", b=BRIDGE)
        self.before = self.books(c)

    def summary(self):
        return f"{self.lives} lives, {self.torn} files torn on purpose, {self.cut} told as cut"
