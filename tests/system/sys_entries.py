# SPDX-License-Identifier: MIT
"""Entry by entry: `ksnap capture --map id:N` against `bpftool -j map dump id N`.

tests/bpf/hold loads shapes.bpf.o and fills its maps; nothing writes to them after that, so that both
must see the same. Rendered output is compared with bpftool's own rendering; --raw, as it is, with
bpftool's bytes, which ctypes lays out as C does; the report itself byte by byte."""
import ctypes
import json
import os
import subprocess
import sys

import report
from tap import equal, run, test

TOP = os.environ["KSNAP_TOP_BUILDDIR"]
TASKS = 1000
WAIT_S = 60

ENUMS = {"SHAPE_IDLE": 0, "SHAPE_QUEUED": 1, "SHAPE_RUNNING": 2, "SHAPE_DEAD": 100, "SHAPE_BELOW": -2,
         "SHAPE_ZERO": 0}
SIGNED_BITFIELDS = {"nice": 6}  # bpftool shows the bits of these, without their sign

CHAR, U8, U16, I16 = ctypes.c_char, ctypes.c_uint8, ctypes.c_uint16, ctypes.c_int16
U32, U64 = ctypes.c_uint32, ctypes.c_uint64


def record(name, *fields, anonymous=(), base=ctypes.Structure):
    return type(name, (base,), {"_anonymous_": anonymous, "_fields_": fields})


# The structs of tests/bpf/shapes.h. Python gives a bitfield a whole unit of its type, C only its bits.
Stat = record("Stat", ("runs", U64), ("hist", U32 * 4))
Halves = record("Halves", ("lo", U32), ("hi", U32))
Both = record("Both", ("raw", U64), ("halves", Halves), anonymous=["halves"], base=ctypes.Union)
Task = record("Task", ("weight", U64), ("cpu", U32), ("state", U32), ("flags", U16, 3), ("prio", U16, 7),
              ("nice", I16, 6), ("comm", CHAR * 16), ("stat", Stat), ("both", Both), ("parent", U64),
              ("active", ctypes.c_bool), ("delta", I16), anonymous=["both"])
Pair = record("Pair", ("from", U32), ("to", U32))
Cpu = record("Cpu", ("n", U64), ("last", U32))
Route = record("Route", ("prefixlen", U32), ("addr", U8 * 4))

# Each map: type, entries, its key and its value in C.
MAPS = {
    "levels": ("array", 8, U32, Stat),
    "tasks": ("hash", TASKS, U32, Task),
    "recent": ("lru_hash", 16, U64, U64),
    "pairs": ("hash", 16, Pair, U32),
    "cpu_array": ("percpu_array", 16, U32, Cpu),
    "cpu_hash": ("percpu_hash", 16, U32, U32),
    "routes": ("lpm_trie", 16, Route, U32),
}
SECTIONS = "shapes.data", "shapes.rodata", "shapes.bss"


# ---- what both are turned into: ints, strings, lists and dicts ----------------------------------

def number(text):
    """The integer that @text spells, in decimal or in hex; other text as it is."""
    try:
        return int(text, 0)
    except ValueError:
        return text


def plain(v):
    """A rendered value of ksnap: an enum is its value, a number above 2^53 was a string."""
    if isinstance(v, dict):
        return v["value"] if v.keys() == {"name", "value"} else {k: plain(x) for k, x in v.items()}
    if isinstance(v, list):
        return [plain(x) for x in v]
    return number(v) if isinstance(v, str) else v


def theirs(v, field=None):
    """A value that bpftool rendered. Its JSON names anonymous members "", its enums by name only."""
    if isinstance(v, Pairs):
        out = {}
        for k, x in v.rows:
            out.update(theirs(x) if k == "" else {k: theirs(x, k)})
        return out
    if isinstance(v, list):
        return [theirs(x) for x in v]
    if isinstance(v, str):
        v = ENUMS[v] if v in ENUMS else number(v)
    bits = SIGNED_BITFIELDS.get(field)
    return v - (1 << bits) if bits and v >> bits - 1 else v


class Pairs:
    """A JSON object with all its rows: a name may stand there twice."""

    def __init__(self, rows):
        self.rows = rows

    def __getitem__(self, key):
        return next(v for k, v in self.rows if k == key)


def laid_out(kind, data):
    """@data as C sees it: a number, a list, or a dict of the fields."""
    return unfold(kind.from_buffer_copy(data))


def unfold(v):
    if isinstance(v, ctypes.Array):
        return [unfold(x) for x in v]
    if isinstance(v, (ctypes.Structure, ctypes.Union)):
        out = {}
        for name, *_ in v._fields_:
            inner = unfold(getattr(v, name))
            out.update(inner if name in v._anonymous_ else {name: inner})
        return out
    if isinstance(v, bytes):
        return v.decode()
    return v if isinstance(v, int) else v.value


def frozen(v):
    """A value that can be a key of a dict."""
    return json.dumps(v, sort_keys=True)


def keyed(rows):
    out = {frozen(k): v for k, v in rows}
    equal(len(out), len(rows), "keys that are there once")
    return out


def agree(ours, bpftools):
    """Both are {key: value}; the first difference is shown."""
    equal(sorted(ours.keys() ^ bpftools.keys())[:5], [], "keys that only one has")
    for key, value in ours.items():
        equal(value, bpftools[key], f"key {key}")


# ---- the two sides ------------------------------------------------------------------------------

class Held:
    """The maps, loaded and filled, as long as the block runs."""

    def __enter__(self):
        self.process = subprocess.Popen([f"{TOP}/tests/bpf/hold", f"{TOP}/tests/bpf/shapes.bpf.o", str(TASKS)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ids = {}
        for line in self.process.stdout:
            if line == "READY\n":
                return self
            kind, name, number_ = line.split()
            if kind == "map":
                self.ids[name] = int(number_)
        raise RuntimeError(f"hold ended with {self.process.wait()}")

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(WAIT_S)


def said(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=WAIT_S, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def capture(id_, *options):
    return said(os.environ["KSNAP"], "capture", "t0", "--map", f"id:{id_}", *options)


def captured(id_, *options):
    """The one map of a complete report in JSON."""
    r = json.loads(capture(id_, "-o", "json", *options))
    equal((r["complete"], r["reasons"], len(r["maps"])), (True, [], 1), "a complete report of one map")
    return r["maps"][0]


def dumped(id_):
    return json.loads(said(os.environ["BPFTOOL"], "-j", "map", "dump", "id", str(id_)), object_pairs_hook=Pairs)


def octets(rows):
    return bytes(int(x, 16) for x in rows)


def their_bytes(entry):
    """(key, [value of each CPU]) of an entry, as bytes."""
    if "values" in dict(entry.rows):
        rows = sorted(entry["values"], key=lambda row: row["cpu"])
        return octets(entry["key"]), [octets(row["value"]) for row in rows]
    return octets(entry["key"]), [octets(entry["value"])]


def their_value(formatted):
    if "values" in dict(formatted.rows):
        return [theirs(row["value"]) for row in sorted(formatted["values"], key=lambda row: row["cpu"])]
    return theirs(formatted["value"])


def our_value(entry):
    return plain(entry["values"] if "values" in entry else entry["value"])


# ---- tests --------------------------------------------------------------------------------------

def rendered(held, name):
    kind, n, _, _ = MAPS[name]
    ours = captured(held.ids[name])
    equal((ours["name"], ours["type"], ours["count"], ours["complete"]), (name, kind, n, True), "the map")
    agree(keyed([(plain(e["key"]), our_value(e)) for e in ours["entries"]]),
          keyed([(theirs(e["formatted"]["key"]), their_value(e["formatted"])) for e in dumped(held.ids[name])]))


def raw(held, name):
    _, _, key, value = MAPS[name]
    want = []
    for entry in dumped(held.ids[name]):
        k, cpus = their_bytes(entry)
        values = [laid_out(value, v) for v in cpus]
        want.append((laid_out(key, k), values if MAPS[name][0].startswith("percpu") else values[0]))
    ours = captured(held.ids[name], "--raw")["entries"]
    agree(keyed([(e["key"], e["values" if "values" in e else "value"]) for e in ours]), keyed(want))


def whole(held, name):
    r = report.load(capture(held.ids[name], "-o", "msgpack"))
    m, = r["maps"]
    ks, vs, ncpu, stride = m["key_size"], m["value_size"], m.get("ncpu") or 1, m.get("stride")
    stride = stride or vs
    ours = {}
    for i in range(m["count"]):
        at = i * ncpu * stride
        key = m["keys"][i * ks:(i + 1) * ks].hex() or "00000000"  # a section has one entry and no key
        ours[key] = [m["vals"][at + c * stride:at + c * stride + vs] for c in range(ncpu)]
    agree(ours, {k.hex(): v for k, v in map(their_bytes, dumped(held.ids[name]))})


def section(held, name):
    entry, = captured(held.ids[name])["entries"]
    formatted = dumped(held.ids[name])[0]["formatted"]["value"].rows[0][1]
    equal(plain(entry["value"]), {k: v for row in formatted for k, v in theirs(row).items()})


def raw_section(held, name):
    entry, = captured(held.ids[name], "--raw")["entries"]
    formatted = dumped(held.ids[name])[0]["formatted"]["value"].rows[0][1]
    equal(entry["value"], {k: v for row in formatted for k, v in theirs(row).items()})


for map_name in MAPS:
    test(f"{map_name}: rendered as bpftool does")(lambda held, name=map_name: rendered(held, name))
    test(f"{map_name}: --raw is bpftool's bytes")(lambda held, name=map_name: raw(held, name))
for map_name in SECTIONS:
    test(f"{map_name}: variables as bpftool has them")(lambda held, name=map_name: section(held, name))
    test(f"{map_name}: --raw variables as bpftool has them")(lambda held, name=map_name: raw_section(held, name))
for map_name in (*MAPS, *SECTIONS):
    test(f"{map_name}: the report holds the very bytes")(lambda held, name=map_name: whole(held, name))


@test("what was written is what both show")
def written(held):
    tasks = {e["key"]: e["value"] for e in captured(held.ids["tasks"])["entries"]}
    dead = tasks[994]
    equal(dead["state"], {"name": "SHAPE_DEAD", "value": 100}, "an enum, by name and value")
    equal((dead["nice"], dead["delta"]), (994 % 40 - 20, -994), "negative numbers")
    equal((dead["flags"], dead["prio"]), (994 % 8, 94), "bitfields")
    equal((dead["comm"], dead["active"], tasks[995]["active"]), ("task-994", False, True), "text and bools")
    equal((dead["weight"], dead["raw"]), ((1 << 40) + 994, str(994 | (~994 & 0xffffffff) << 32)), "64 bits")
    data, = captured(held.ids["shapes.data"])["entries"]
    equal(data["value"]["wide"], str((1 << 100) + 5), "128 bits")
    equal(data["value"]["sign"], {"name": "SHAPE_BELOW", "value": -2}, "a negative enum")


@test("a map that cannot be read says so")
def unreadable(held):
    r = json.loads(capture(held.ids["ring"], "-o", "json"))
    equal((r["complete"], r["reasons"][0]["code"], r["reasons"][0]["subject"]), (False, "unsupported", "ring"))
    equal(r["maps"][0]["entries"], [])


@test("two maps of one name are told apart by their ids")
def ambiguous(held):
    with Held() as other:
        ids = [held.ids["tasks"], other.ids["tasks"]]
        report_ = json.loads(capture(ids[0], "--map", f"id:{ids[1]}", "-o", "json"))
        equal([m["name"] for m in report_["maps"]], ["tasks", "tasks"])
        show = [os.environ["KSNAP"], "show", "t0", "-o", "json"]
        done = subprocess.run(show + ["tasks[7].comm"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=WAIT_S, check=False)
        equal((done.returncode, done.stdout), (2, b""), "the name alone")
        for id_ in ids:
            equal(f"id:{id_}" in done.stderr.decode(), True, "the choice is told")
            equal(said(*show, f"id:{id_}[7].comm"), b'"task-7"\n')


with Held() as maps:
    sys.exit(run(maps))
