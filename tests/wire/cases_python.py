#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The data cases, read with python3-msgpack: what ksnap accepts decodes to the value beside it, and
what it refuses as unsound is refused here too (or is only too deep)."""
import glob
import os
import sys

try:
    import msgpack
except ImportError:
    print("1..0 # SKIP needs python3-msgpack")
    sys.exit(0)


def text_of_bytes(raw):
    plain = lambda c: 32 <= c < 127 and c not in b'"\\|'
    return '"%s"' % "".join(chr(c) if plain(c) else "\\x%02x" % c for c in raw)


def render(o):
    """A value as text: like JSON, with x'..' for bytes, keys in the order of the message."""
    if o is None or isinstance(o, bool):
        return {None: "null", True: "true", False: "false"}[o]
    if isinstance(o, float):
        return "%.17g" % o
    if isinstance(o, str):
        return text_of_bytes(o.encode("utf-8", "surrogateescape"))
    if isinstance(o, bytes):
        return "x'%s'" % o.hex()
    if isinstance(o, msgpack.ExtType):
        return "ext(%d,%s)" % (o.code, o.data.hex())
    if isinstance(o, list):
        return "[%s]" % ",".join(map(render, o))
    if isinstance(o, dict):
        return "{%s}" % ",".join(render(k) + ":" + render(v) for k, v in o.items())
    return str(o)


def unpack(raw):
    return msgpack.unpackb(raw, raw=False, strict_map_key=False, unicode_errors="surrogateescape")


def unpacks(raw):
    try:
        unpack(raw)
    except ValueError:  # the mother of all that msgpack raises
        return False
    return True


def judge(raw, verdict, expected):
    """None when Python agrees, else why not."""
    if verdict == "ok":
        got = render(unpack(raw))
        cut = [n for n in range(len(raw)) if unpacks(raw[:n])]
        return got if got != expected else "takes it cut to %s" % cut if cut else None
    unsound = expected.startswith("byte ") or " follow" in expected or " declares " in expected
    if "nested deeper" in expected or unpacks(raw) != unsound:
        return None
    return "takes it" if unsound else "refuses it"


top = os.environ.get("KSNAP_TOP_SRCDIR", ".")
n = 0
for path in sorted(glob.glob(os.path.join(top, "tests/wire/*.cases"))):
    for line in open(path, encoding="ascii"):
        if line.startswith("#"):
            continue
        name, kind, digits, verdict, expected = line.rstrip("\n").split(" | ")
        n += 1
        why = judge(bytes.fromhex(digits), verdict, expected)
        print("%s %d - %s: %s" % ("not ok" if why else "ok", n, kind, name.replace("#", "")))
        if why:
            print("# expected %s %s, but Python: %s" % (verdict, expected, why))
print("1..%d" % n)
sys.exit(0 if n > 100 else 1)
