# SPDX-License-Identifier: MIT
"""What monitors print, held against the rule of numbers without a hole."""
import json
import subprocess
import time

from tap import equal

WAIT_S = 60


def until(broker, what, fn):
    """Look until it is so, or @broker ends: nothing tells of it by itself."""
    end = time.monotonic() + WAIT_S
    while not fn():
        assert time.monotonic() < end, f"not within {WAIT_S} s: {what}"
        try:
            raise AssertionError(f"the broker ended with {broker.wait(0.02)} before {what}")
        except subprocess.TimeoutExpired:
            pass


class Tape:
    """What a monitor prints, read as it grows: each number has to follow the one before it on its channel,
    or a record that says what is lost. In a new life of the broker they begin at 1."""

    def __init__(self, path):
        self.path, self.offset, self.last, self.lost, self.lives, self.n = path, 0, {}, 0, 0, 0

    def take(self, m):
        if m["type"] == "epoch":
            self.last, self.lives = {}, self.lives + 1
            return
        ch, first = m["ch"], m["first"] if m["type"] == "lost" else m["seq"]
        if ch in self.last or self.lives:
            equal(first, self.last.get(ch, 0) + 1, f"{self.path}: the number that comes next on {ch}")
        self.last[ch] = m["last"] if m["type"] == "lost" else m["seq"]
        self.lost += m.get("lost", 0)
        self.n += 1

    def read(self):
        with open(self.path, "rb") as f:
            f.seek(self.offset)
            for line in f:
                if not line.endswith(b"\n"):
                    break
                self.offset += len(line)
                self.take(json.loads(line))
        return self
