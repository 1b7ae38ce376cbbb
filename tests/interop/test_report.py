# SPDX-License-Identifier: MIT
"""Reports decoded by report.py alone: made by hand, by the fixture, and of BPF maps of this kernel, those
compared with what bpftool says of the same maps."""
import json
import os
import random
import struct
import subprocess
import sys

import msgpack

import report
import reports
from bus import Refused
from serve import FIXTURE, Broker
from shapes import check
from tap import equal, require, run, test

U8, U32, U64, CHAR, BOOL, S16 = range(6)
INTS = [{"k": "int", "n": "u8", "s": 1, "enc": "unsigned"}, {"k": "int", "n": "u32", "s": 4, "enc": "unsigned"},
        {"k": "int", "n": "u64", "s": 8, "enc": "unsigned"}, {"k": "int", "n": "char", "s": 1, "enc": "char"},
        {"k": "int", "n": "bool", "s": 1, "enc": "bool"}, {"k": "int", "n": "short", "s": 2, "enc": "signed"}]
N = len(INTS)


def decoded(more_types, data, little=True):
    """@data as the last of the types."""
    r = reports.whole(INTS + more_types, [], little_endian=little)
    check("report", r)
    return report.Decoder(r).value(len(INTS) + len(more_types) - 1, data)


def one(kind, **keys):
    return {"k": kind, **keys}


@test("the decoder has at most 100 lines and needs nothing of ksnap")
def short(_):
    with open(report.__file__, encoding="utf-8") as f:
        text = f.read()
    assert text.count("\n") <= 100, text.count("\n")
    imports = [line for line in text.split("\n") if line.startswith(("import", "from"))]
    equal(imports, ["import struct", "import msgpack"])


@test("integers of every width, both signs and byte orders")
def integers(_):
    for size in 1, 2, 4, 8, 16:
        for enc, values in (("unsigned", (0, 1, 2**(8 * size) - 1)),
                            ("signed", (0, 1, -1, -2**(8 * size - 1), 2**(8 * size - 1) - 1))):
            for value in values:
                for order in "little", "big":
                    data = value.to_bytes(size, order, signed=enc == "signed")
                    equal(decoded([one("int", n="x", s=size, enc=enc)], data, order == "little"), value)
    equal(decoded([one("int", n="x", s=4, enc="unsigned", bits=24)], b"\x01\x02\x03\xff"), 0x030201)


@test("bool, pointers, floats, and what no type describes")
def scalars(_):
    equal([decoded([one("typedef", n="b", t=BOOL)], bytes([v])) for v in (0, 1, 2)], [False, True, True])
    equal(decoded([one("ptr", s=8, to="struct task_struct")], b"\x01\0\0\0\0\x80\x88\xff"), 0xff88800000000001)
    for size, code, order in (4, "<f", True), (8, "<d", True), (4, ">f", False), (8, ">d", False):
        equal(decoded([one("float", n="f", s=size)], struct.pack(code, -1.5), order), -1.5)
    equal(decoded([one("float", n="long double", s=16)], bytes(range(16))), bytes(range(16)))


@test("enums know their names; a value without one stays a number")
def enums(_):
    state = one("enum", n="state", s=4, enc="signed", e=[{"n": "BELOW", "v": -2}, {"n": "RUNNING", "v": 1}])
    for value, name in (-2, "BELOW"), (1, "RUNNING"), (5, None):
        got = decoded([state], struct.pack("<i", value))
        equal((got, got.name), (value, name))
    big = one("enum", n="big", s=8, enc="unsigned", e=[{"n": "TOP", "v": -1}])
    got = decoded([big], b"\xff" * 8)
    equal((got, got.name), (2**64 - 1, "TOP"))


@test("typedefs and qualifiers are followed; a circle of them is an error")
def typedefs(_):
    chain = [one("const", t=U32), one("volatile", t=N), one("restrict", t=N + 1), one("type_tag", n="user", t=N + 2),
             one("typedef", n="id_t", t=N + 3)]
    equal(decoded(chain, b"\x2a\0\0\0"), 42)
    for bad in ([one("typedef", n="a", t=N)], [one("struct", n="s", s=4, m=[{"n": "me", "t": N, "o": 0}])],
                [one("array", s=4, t=N, len=1)]):
        try:
            decoded(bad, bytes(4))
        except ValueError:
            continue
        raise AssertionError(f"{bad} was decoded")


@test("arrays, char arrays as text, arrays of arrays, flexible arrays")
def arrays(_):
    equal(decoded([one("array", s=12, t=U32, len=3)], struct.pack("<3I", 1, 2, 3)), [1, 2, 3])
    equal(decoded([one("array", s=8, t=CHAR, len=8)], b"abc\0junk"), "abc")
    equal(decoded([one("array", s=4, t=CHAR, len=4)], b"abcd"), "abcd")
    equal(decoded([one("array", s=4, t=CHAR, len=4)], b"\xff\0\0\0"), "\\xff")
    equal(decoded([one("array", s=4, t=S16, len=2), one("array", s=8, t=N, len=2)], struct.pack("<4h", 1, -1, 2, -2)),
          [[1, -1], [2, -2]])
    flexible = [one("array", s=0, t=U8, len=0),
                one("struct", n="s", s=4, m=[{"n": "n", "t": U32, "o": 0}, {"n": "rest", "t": N, "o": 32}])]
    equal(decoded(flexible, b"\2\0\0\0\7\x08"), {"n": 2, "rest": [7, 8]})


@test("structs and unions: anonymous members stand in their parent")
def structs(_):
    types = [one("struct", s=8, m=[{"n": "lo", "t": U32, "o": 0}, {"n": "hi", "t": U32, "o": 32}]),
             one("union", s=8, m=[{"n": "raw", "t": U64, "o": 0}, {"t": N, "o": 0}]),
             one("struct", n="pair", s=24, m=[{"n": "a", "t": U64, "o": 0}, {"t": N + 1, "o": 64},
                                              {"n": "named", "t": N + 1, "o": 128}])]
    equal(decoded(types, struct.pack("<QIIQ", 7, 1, 2, 3)),
          {"a": 7, "raw": 2 << 32 | 1, "lo": 1, "hi": 2, "named": {"raw": 3, "lo": 3, "hi": 0}})


@test("bitfields, signed and not, across bytes, in both byte orders")
def bitfields(_):
    def bits(widths):
        at, members = 0, []
        for i, (width, t) in enumerate(widths):
            members.append({"n": f"b{i}", "t": t, "o": at, "b": width})
            at += width
        return [one("struct", n="bits", s=8, m=members)]
    widths = [(3, U32), (7, U32), (6, S16), (1, BOOL), (33, U64), (14, U64)]
    values = [5, 100, -20, True, 2**33 - 2, 12345]
    raw = at = 0
    for (width, _), value in zip(widths, values):
        raw |= (value & (1 << width) - 1) << at
        at += width
    equal(list(decoded(bits(widths), raw.to_bytes(8, "little")).values()), values)
    raw = 0
    for (width, _), value in zip(widths, values):
        raw = raw << width | value & (1 << width) - 1
    equal(list(decoded(bits(widths), raw.to_bytes(8, "big"), False).values()), values)


@test("maps: keys and values, per-CPU values by stride, bytes without types")
def maps(_):
    plain = {"key_size": 4, "value_size": 8, "count": 2, "kt": U32, "vt": U64,
             "keys": struct.pack("<2I", 1, 2), "vals": struct.pack("<2Q", 10, 20)}
    cpus = {"type": "percpu_hash", "key_size": 1, "value_size": 4, "count": 2, "ncpu": 3, "stride": 8, "kt": U8,
            "vt": U32, "keys": b"\1\2", "vals": b"".join(struct.pack("<II", v, 0xdead) for v in range(6))}
    hexed = {"key_size": 2, "value_size": 1, "count": 2, "keys": b"abcd", "vals": b"xy"}
    r = report.load(msgpack.packb(reports.whole(INTS, [plain, cpus, hexed])))
    check("report", r)
    equal([list(report.entries(r, m)) for m in r["maps"]],
          [[(1, 10), (2, 20)], [(1, [0, 1, 2]), (2, [3, 4, 5])], [(b"ab", b"x"), (b"cd", b"y")]])


@test("a global section gives its variables by name")
def globals_(_):
    types = INTS + [one("array", s=4, t=CHAR, len=4), one("var", n="nr_switches", t=U64), one("var", n="label", t=N),
                    one("datasec", n=".bss", s=12, m=[{"t": N + 1, "o": 0}, {"t": N + 2, "o": 64}])]
    row = {"name": "probe.bss", "type": "array", "key_size": 4, "value_size": 12, "count": 1, "keys": b"",
           "vt": N + 3, "vals": struct.pack("<Q4s", 42, b"hey")}
    equal(report.variables(reports.whole(types, [row]), "probe.bss"), {"nr_switches": 42, "label": "hey"})


@test("the example of the schema, and other schemas")
def example(_):
    from shapes import SCHEMAS
    r, = SCHEMAS["report"]["examples"]
    r = json.loads(json.dumps(r))
    r["maps"][0].update(keys=b"", vals=b"\x2a\0\0\0")
    equal(report.variables(report.load(msgpack.packb(r)), "probe.bss"), {"nr_switches": 42})
    try:
        report.load(reports.head().replace(b"report/1", b"report/2"))
    except ValueError:
        return
    raise AssertionError("ksnap.report/2 was taken for ksnap.report/1")


def capture(c, tag, **params):
    """(reply, report) of a capture, checked against the schemas."""
    r = c.call("capture_snapshot", {"tag": tag, **params})
    blob, = c.part("get", {"tag": tag}).blobs
    equal(len(blob), r["bytes"])
    got = report.load(blob)
    check("report", got)
    equal(list(got)[:3], ["schema", "placeholder", "complete"])
    equal((got["tag"], len(got["maps"]), got["complete"], got["reasons"]), (tag, r["maps"], r["complete"], r["reasons"]))
    assert got["mono0"] <= got["mono1"], got
    for m in got["maps"]:
        cpus = m.get("ncpu", 1) * m.get("stride", m["value_size"])
        equal((len(m["keys"]) in (0, m["count"] * m["key_size"]), len(m["vals"])), (True, m["count"] * cpus))
        assert got["mono0"] <= m["mono"] <= m["mono_end"] <= got["mono1"], m
    return r, got


@test("a report of the fixture: two maps of ten entries that move")
def fixture(broker):
    with broker.client() as c:
        _, first = capture(c, "f0", step=2)
        _, second = capture(c, "f1", progs=True, elapsed_ms=105, boundary_ms=100)
    equal((first["target"]["kind"], first["target"]["name"], first["trigger"]), ("fixture", FIXTURE, {"kind": "op", "step": 2}))
    equal(second["trigger"], {"kind": "periodic"})
    equal([(m["name"], m["count"], m["complete"]) for m in first["maps"]], [("map0", 10, True), ("map1", 10, True)])
    assert "progs" not in first and len(second["progs"]) == 2, "progs"
    for before, after in zip(first["maps"], second["maps"]):
        for i, ((key, old), (_, new)) in enumerate(zip(report.entries(first, before), report.entries(second, after))):
            equal((key, old["comm"], len(old["pad"])), (i, f"task-{i}", 32))
            assert new["n"] > old["n"], (old, new)
            assert old["cpu"] < 4 and old["state"].name.startswith("FIXTURE_"), old


@test("selected maps: globs, ids, deny wins, what matches nothing is a reason")
def selected(broker):
    with broker.client() as c:
        for globs, names in ((["map1"], ["map1"]), (["*"], ["map0", "map1"]), (["!map1"], ["map0"]),
                             (["*", "!map0"], ["map1"]), (["id:1"], ["map0"])):
            equal([m["name"] for m in capture(c, "s", maps=globs)[1]["maps"]], names, globs)
        r, got = capture(c, "s", maps=["map0", "nothing"])
        equal((len(got["maps"]), r["complete"], [(x["code"], x["subject"]) for x in r["reasons"]]),
              (1, False, [("no_match", "nothing")]))


def bpftool(*args):
    tool = os.environ.get("BPFTOOL")
    require("bpftool", tool, "there is no bpftool")
    done = subprocess.run([tool, "-j", *args], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"bpftool {' '.join(args)}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout) if done.stdout.strip() else None


def octets(data):
    return [f"{byte:#04x}" for byte in data]


def update(id, key, value):
    bpftool("map", "update", "id", str(id), "key", *octets(key), "value", *octets(value))


def same(ours, theirs, where=""):
    """Whether bpftool says the same, in its own way."""
    if isinstance(theirs, dict):
        theirs = dict(theirs)
        while (anonymous := next((k for k in theirs if not k or k.startswith("(anon")), None)) is not None:
            theirs.update(theirs.pop(anonymous))
        equal(sorted(ours), sorted(theirs), where)
        for name in ours:
            same(ours[name], theirs[name], f"{where}.{name}")
    elif isinstance(ours, list):
        theirs = [ord(x) for x in theirs.ljust(len(ours), "\0")] if isinstance(theirs, str) else theirs
        equal(len(ours), len(theirs), where)
        for i, pair in enumerate(zip(ours, theirs)):
            same(*pair, f"{where}[{i}]")
    elif isinstance(ours, report.Enum):
        alike = theirs == ours.name if isinstance(theirs, str) else (theirs - ours) % 2**32 == 0  # it shows them signed
        assert alike, f"{where}: {ours.name} {int(ours)}, bpftool: {theirs}"
    elif isinstance(ours, int) and isinstance(theirs, str):  # bitfields, pointers, wide integers: as unsigned hex
        n = int(theirs, 16) - ours
        assert n == 0 or ours < 0 and n & n - 1 == 0, f"{where}: {ours}, bpftool: {theirs}"
    else:
        equal(ours, theirs, where)


def compare(r, m):
    """One map of the report and bpftool's dump of it."""
    theirs = {bytes(int(b, 16) for b in row["key"]): row for row in bpftool("map", "dump", "id", str(m["id"]))}
    equal(m["count"], len(theirs), m["name"])
    for i, (key, value) in enumerate(report.entries(r, m)):
        raw = m["keys"][i * m["key_size"]:(i + 1) * m["key_size"]] or bytes(m["key_size"])
        row = theirs[raw]["formatted"]
        if m["vt"] is not None and r["types"][m["vt"]]["k"] == "datasec":
            section, = row["value"].values()
            same(value, {k: v for item in section for k, v in item.items()}, m["name"])
            continue
        same(key, row["key"], f"{m['name']} key")
        if "ncpu" in m:
            same(value, [cpu["value"] for cpu in row["values"]], f"{m['name']}[{key}]")
        else:
            same(value, row["value"], f"{m['name']}[{key}]")
    return m["count"]


def flat(report_, m, entry_bytes):
    """Random bytes that both print alike: text where the type says text, true or false where bool."""
    d, data = report.Decoder(report_), bytearray(entry_bytes)

    def settle(i, bit):
        t = d.behind(i)
        if t["k"] == "array" and d.behind(t["t"]).get("enc") == "char":
            data[bit // 8:bit // 8 + t["len"]] = b"task\0".ljust(t["len"], b"\0")[:t["len"]]
        elif t.get("enc") == "bool":
            data[bit // 8] &= 1
        for member in t.get("m", ()):
            settle(member["t"], bit + member["o"])
    settle(m["vt"], 0)
    return bytes(data)


@test("BPF maps of this kernel, filled at random, read as bpftool reads them")
def live(broker):
    path = os.path.join(os.environ["KSNAP_TOP_BUILDDIR"], "tests", "bpf", "shapes.bpf.o")
    with open(path, "rb") as f:
        elf = f.read()
    require("root", os.geteuid() == 0, "needs root for BPF")
    rng = random.Random(3)
    with Broker("live") as other, other.client() as c:
        c.call("hello", {"client": "test_report", "kind": "tool"})
        c.call("wait_accessor", {"target": "live"})
        try:
            ids = c.call("attach_object", {"name": "shapes"}, [elf])["maps"]
        except Refused as e:
            require("bpf", e.code not in ("E_UNSUPPORTED", "E_DENIED"), e.msg)
            raise
        wanted = [f"id:{id}" for id in ids] + ["!ring"]  # a ring buffer has no entries to compare
        _, empty = capture(c, "empty", maps=wanted)
        by_name = {m["name"]: m for m in empty["maps"]}
        for name in "levels", "tasks", "recent", "pairs", "cpu_array", "cpu_hash", "routes":
            m = by_name[name]
            for i in range(8):
                key = struct.pack("<I4B", 32, 10, 0, 0, i) if name == "routes" else struct.pack("<I", i).ljust(m["key_size"], b"\0")
                update(m["id"], key, flat(empty, m, rng.randbytes(m["value_size"])))  # on every CPU, if per-CPU
        r, full = capture(c, "full", maps=wanted)
        equal((r["complete"], r["reasons"]), (True, []))
        entries = 0
        for m in full["maps"]:
            entries += compare(full, m)
        assert entries >= 7 * 8 + 3, entries
        equal(report.variables(full, next(n for n in (m["name"] for m in full["maps"]) if n.endswith(".rodata")))["version"], 42)
        equal(c.call("bye")["released"], ["object shapes"])


def main():
    with Broker() as broker:
        return run(broker, on_failure=broker.tell)


if __name__ == "__main__":
    sys.exit(main())
