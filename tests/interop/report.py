# SPDX-License-Identifier: MIT
"""A decoder of ksnap.report/1 in plain Python: copy it and use it. It needs msgpack and nothing else.

    report = load(open("t0.report", "rb").read())      # the blob of the op get
    for m in report["maps"]:
        for key, value in entries(report, m): ...       # a per-CPU map: value is a list, one a CPU
    variables(report, "probe.bss")["nr_switches"]       # a global section: its variables by name

`types` is a list; kt, vt, t and members refer to it by index, offsets are in bits from the begin of the
surrounding value, bytes in the order of the target. Values come out as int, bool, float, str (char
arrays), list, dict (structs, unions, sections), bytes (no type), and Enum, an int that knows its name."""
import struct

import msgpack

DEPTH = 32  # a hostile table may refer to itself


class Enum(int):
    name = None  # None: a value that the enum does not name


def load(blob):
    report = msgpack.unpackb(blob, raw=False, strict_map_key=False)
    if report["schema"] != "ksnap.report/1":
        raise ValueError(f"schema {report['schema']!r} is another one")
    return report


class Decoder:
    def __init__(self, report):
        self.types, self.order = report["types"], "little" if report["target"]["little_endian"] else "big"

    def behind(self, i):
        """The type behind typedefs, qualifiers and variables."""
        for _ in range(DEPTH):
            t = self.types[i]
            if t["k"] not in ("typedef", "const", "volatile", "restrict", "type_tag", "var"):
                return t
            i = t["t"]
        raise ValueError("a typedef that leads nowhere")

    def value(self, i, data, bit=0, bits=None, depth=0):
        """The value of type @i at @bit of @data; @bits: it is a bitfield."""
        t, at = self.behind(i), bit // 8
        kind, size = t["k"], t.get("s", 0)
        if depth > DEPTH:
            raise ValueError("nested too deep")
        if kind in ("int", "enum", "ptr"):
            n = self.number(data, bit, bits or t.get("bits") or 8 * size, t.get("enc") == "signed")
            return self.named(t, n) if kind == "enum" else bool(n) if t.get("enc") == "bool" else n
        if kind == "float" and size in (4, 8):
            return struct.unpack_from("<>"[self.order == "big"] + " fd"[size // 4], data, at)[0]
        if kind == "array":
            return self.array(t, data, at, depth + 1)
        if kind in ("struct", "union", "datasec"):
            return self.members(t, data, bit, depth + 1)
        return bytes(data[at:at + size])

    def number(self, data, bit, bits, signed):
        """Bit 0 is the lowest of the first byte; on a big-endian target the highest."""
        end = (bit + bits + 7) // 8
        raw = int.from_bytes(data[bit // 8:end], self.order)
        n = raw >> (bit % 8 if self.order == "little" else 8 * end - bit - bits) & (1 << bits) - 1
        return n - (1 << bits) if signed and n >> bits - 1 else n

    def named(self, t, n):
        e = Enum(n)
        e.name = next((row["n"] for row in t.get("e", ()) if (row["v"] - n) % (1 << 64) == 0), None)
        return e

    def array(self, t, data, at, depth):
        of = self.behind(t["t"])
        n = t["len"] or (len(data) - at) // (of.get("s") or 1)  # 0: as far as the value goes
        if of.get("enc") == "char":
            return bytes(data[at:at + n]).split(b"\0", 1)[0].decode(errors="backslashreplace")
        return [self.value(t["t"], data, 8 * (at + j * of.get("s", 0)), None, depth) for j in range(n)]

    def members(self, t, data, bit, depth):
        out = {}
        for m in t.get("m", ()):
            value = self.value(m["t"], data, bit + m["o"], m.get("b"), depth)
            name = m.get("n") or (self.types[m["t"]].get("n") if t["k"] == "datasec" else None)
            out.update({name: value} if name else value)  # an anonymous one: its members stand here
        return out


def entries(report, m):
    """(key, value) of every entry of the map row @m."""
    d, ks, vs, ncpu, stride = Decoder(report), m["key_size"], m["value_size"], m.get("ncpu"), m.get("stride")
    for i in range(m["count"]):
        key, values = m["keys"][i * ks:(i + 1) * ks], []
        for at in range(i * ncpu * stride, (i + 1) * ncpu * stride, stride) if ncpu else [i * vs]:
            value = m["vals"][at:at + vs]
            values.append(value if m.get("vt") is None else d.value(m["vt"], value))
        yield key if m.get("kt") is None else d.value(m["kt"], key), values if ncpu else values[0]


def variables(report, name):
    return next(value for m in report["maps"] if m["name"] == name for _, value in entries(report, m))
