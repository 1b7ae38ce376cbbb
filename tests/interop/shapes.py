# SPDX-License-Identifier: MIT
"""Compare what came over the wire with the schemas, as asyncapi.json has them.

Stricter than the schemas are for clients: str and bin are told apart, a float is no integer, and the
broker may send no key that the schemas of its own build do not name."""
import json
import os

from jsonschema import Draft7Validator, RefResolver, validators


def load():
    for top in os.environ["KSNAP_TOP_BUILDDIR"], os.environ["KSNAP_TOP_SRCDIR"]:
        path = os.path.join(top, "schemas", "asyncapi.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                return json.load(f)
    raise RuntimeError("asyncapi.json was not built")


API = load()
SCHEMAS = API["components"]["schemas"]
OPS = sorted(API["operations"].keys() - {"publish", "to_worker", "from_worker"})
BUILTIN_TYPE = Draft7Validator.VALIDATORS["type"]


def check_type(validator, types, value, schema):
    if schema.get("contentEncoding") == "base64":
        if not isinstance(value, bytes):
            yield from BUILTIN_TYPE(validator, "bin", value, schema)
        return
    yield from BUILTIN_TYPE(validator, types, value, schema)


TYPES = Draft7Validator.TYPE_CHECKER.redefine_many({
    "bin": lambda _, v: isinstance(v, bytes),
    "integer": lambda _, v: isinstance(v, int) and not isinstance(v, bool),
})


def no_unknown(validator, allowed, value, schema):
    if not isinstance(value, dict) or "properties" not in schema:
        return
    unknown = value.keys() - schema["properties"].keys()
    if unknown:
        yield from BUILTIN_TYPE(validator, "never", f"unknown keys {sorted(unknown)}", {})


Strict = validators.extend(Draft7Validator, {"type": check_type, "additionalProperties": no_unknown},
                           type_checker=TYPES.redefine("never", lambda *_: False))
Loose = validators.extend(Draft7Validator, {"type": check_type}, type_checker=TYPES)
RESOLVER = RefResolver("", API)


def faults(name, value, kind=Strict):
    schema = {"$ref": f"#/components/schemas/{name}"}
    return [f"{name}{''.join(f'[{p!r}]' for p in e.absolute_path)}: {e.message[:300]}"
            for e in kind(schema, resolver=RESOLVER).iter_errors(value)]


def check(name, value):
    """@value fits the schema @name."""
    found = faults(name, value)
    assert not found, "\n".join(found)


def check_reply(op, parts):
    """Every part of a reply that is no refusal."""
    for i, part in enumerate(parts):
        check("reply_envelope", part.envelope)
        check(f"{op}_reply", part.r)
        assert ("blobs" in part.envelope) == bool(part.blobs), "blobs = 0 is left out"
        last = i == len(parts) - 1
        assert part.envelope.get("more", False) == (not last), "more on every part but the last"


def check_refusal(refused):
    """A refusal, and that class and retry are those of its code."""
    check("reply_envelope", refused.reply)
    assert "r" not in refused.reply, "a refusal with a result"
    assert refused.msg, "a refusal without a text"


def check_header(header, shape):
    """A live header: the keys of every header, and those of its kind beside them."""
    found = faults("live_header", header, Loose) + faults(shape, header, Loose)
    allowed = SCHEMAS["live_header"]["properties"].keys() | SCHEMAS[shape]["properties"].keys()
    found += [f"unknown key {key}" for key in header.keys() - allowed]
    assert not found, "\n".join(found)
