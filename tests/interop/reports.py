# SPDX-License-Identifier: MIT
"""Reports made by hand, from schemas/report.lua."""
from bus import pack

REASON = {"code": "map_gone", "subject": "tasks", "expected": 2, "got": 1, "text": "map tasks went away"}


def head(placeholder=False, complete=True, **rest):
    """A report of which only the first three keys are there, in their order."""
    return pack({"schema": "ksnap.report/1", "placeholder": placeholder, "complete": complete, **rest})


def sized(n):
    """A head, and padding to exactly @n bytes."""
    pad = 256 if n < 1 << 16 else 1 << 16  # its length takes more bytes from there on
    short = len(head(pad=b"\0" * pad))
    assert n >= short, f"{short} bytes at least"
    blob = head(pad=b"\0" * (n - short + pad))
    assert len(blob) == n, (len(blob), n)
    return blob


def whole(types, maps, tag="t0", little_endian=True, **more):
    """A whole report around @types and @maps; a map row needs only what is of interest."""
    rows = [{"id": i + 1, "name": f"map{i}", "type": "hash", "flags": 0, "key_size": 4, "max_entries": 1024,
             "complete": True, "mono": 1, "mono_end": 2, **m} for i, m in enumerate(maps)]
    return {"schema": "ksnap.report/1", "placeholder": False, "complete": True, "tag": tag,
            "target": {"kind": "python", "name": "py", "host": "box", "kernel": "6.1.0", "boot_id": "",
                       "little_endian": little_endian, "cpus": 2},
            "ts": 1700000000000000000, "mono0": 1, "mono1": 2, "trigger": {"kind": "op"},
            "consistency": "running", "maps": rows, "types": types, "reasons": [], **more}


def captured(n_maps=0, complete=True, placeholder=False, reasons=()):
    """The result of a capture_snapshot job, beside the report."""
    return {"maps": n_maps, "complete": complete, "placeholder": placeholder, "reasons": list(reasons)}
