# SPDX-License-Identifier: MIT
"""What a broker may take: its first size, what it stores and remembers, and some room."""
import os

from tap import comment

RSS_ROOM = 48 << 20  # above its first size, beside what it stores and remembers
HEADER_BYTES = 1024
SANITIZED = os.environ.get("SANITIZER", "no") != "no"  # keeps what was freed for a while


def is_what_is_stored(status, first_rss):
    """Of a broker that is at rest; @first_rss: before anything was stored."""
    room = sum(b["bytes"] for b in status["bridges"]) + HEADER_BYTES * sum(row["retained"] for row in status["channels"])
    rss = status["rss_bytes"]
    comment(f"rss {rss}, at first {first_rss}, stored and remembered {room}")
    assert rss <= first_rss + room + RSS_ROOM or SANITIZED, (rss, first_rss, room)
