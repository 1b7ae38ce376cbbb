# SPDX-License-Identifier: MIT
"""asyncapi.json is sound: schemas are schemas, references lead somewhere, every example passes and
every broken example is refused."""
import copy
import json
import os
import sys

try:
    from jsonschema import Draft7Validator, RefResolver
except ImportError:
    print("1..0 # SKIP needs python3-jsonschema")
    sys.exit(0)


def find():
    for top in os.environ["KSNAP_TOP_BUILDDIR"], os.environ["KSNAP_TOP_SRCDIR"]:
        path = os.path.join(top, "schemas", "asyncapi.json")
        if os.path.exists(path):
            return path
    sys.exit("asyncapi.json was not built")


def no_doubles(pairs):
    keys = [k for k, _ in pairs]
    assert len(keys) == len(set(keys)), f"a key twice: {keys}"
    return dict(pairs)


with open(find(), encoding="utf-8") as f:
    API = json.load(f, object_pairs_hook=no_doubles)

SCHEMAS = API["components"]["schemas"]
MESSAGES = API["components"]["messages"]
RESOLVER = RefResolver("", API)
count = failed = 0


def test(name, faults):
    global count, failed
    count += 1
    failed += bool(faults)
    print(f"{'not ok' if faults else 'ok'} {count} - {name}")
    for fault in faults:
        print("# " + str(fault).replace("\n", "\n# "))


def errors(schema, value):
    return [e.message for e in Draft7Validator(schema, resolver=RESOLVER).iter_errors(value)]


def refs(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for child in node.values():
            yield from refs(child)
    elif isinstance(node, list):
        for child in node:
            yield from refs(child)


def dangling():
    for ref in sorted(set(refs(API))):
        try:
            RESOLVER.resolve(ref)
        except Exception as e:  # whatever the resolver raises, the reference is bad
            yield f"{ref}: {e}"


def bad_schemas():
    for where in (SCHEMAS.items(), ((n, m["payload"]) for n, m in MESSAGES.items())):
        for name, schema in where:
            try:
                Draft7Validator.check_schema(schema)
            except Exception as e:
                yield f"{name}: {e}"


def structure():
    if API["asyncapi"] != "3.0.0":
        yield "not AsyncAPI 3.0.0"
    for name, server in API["servers"].items():
        for key in "host", "protocol", "x-zmq":
            if key not in server:
                yield f"server {name}: {key}"
    for name, op in API["operations"].items():
        if op["action"] not in ("send", "receive"):
            yield f"operation {name}: action {op['action']}"
        channel = op["channel"]["$ref"]
        for message in op["messages"] + op.get("reply", {}).get("messages", []):
            if not message["$ref"].startswith(channel + "/messages/"):
                yield f"operation {name}: {message['$ref']} is not of {channel}"
    used = {r["$ref"].rsplit("/", 1)[1] for c in API["channels"].values() for r in c["messages"].values()}
    for name in MESSAGES.keys() - used:
        yield f"message {name} is on no channel"


def operations():
    """One operation for each file in schemas/op, and a message for each event that is published."""
    top = os.environ["KSNAP_TOP_SRCDIR"]
    files = {n[:-4] for n in os.listdir(os.path.join(top, "schemas", "op")) if n.endswith(".lua")}
    yield from sorted(files ^ (API["operations"].keys() - {"publish", "to_worker", "from_worker"}))
    for name in files:
        for kind, part in ("params", SCHEMAS), ("reply", SCHEMAS), ("request", MESSAGES), ("reply", MESSAGES):
            if f"{name}_{kind}" not in part:
                yield f"{name}_{kind}"
    for n in os.listdir(os.path.join(top, "schemas", "event")):
        if n.endswith(".lua") and f"event_{n[:-4]}" not in SCHEMAS:
            yield f"event_{n[:-4]}"


def examples():
    """(name, schema, example) of all there are; a message or an operation without one is a fault."""
    for name, schema in SCHEMAS.items():
        for example in schema.get("examples", []):
            yield name, schema, example
    for name, message in MESSAGES.items():
        assert message["examples"], name
        for example in message["examples"]:
            yield name, message["payload"], example["payload"]


def resolved(schema):
    while "$ref" in schema:
        schema = RESOLVER.resolve(schema["$ref"])[1]
    return schema


def properties(schema):
    """Keys of a schema with those of the schemas it is composed of."""
    schema = resolved(schema)
    props, required = dict(schema.get("properties", {})), set(schema.get("required", []))
    for part in schema.get("allOf", []):
        more, needed = properties(part)
        props = {**more, **props}
        required |= needed
    return props, required


WRONG = {"boolean": "yes", "integer": "many", "number": "much", "string": 7, "array": 7, "object": 7}


def types_of(schema):
    schema = resolved(schema)
    if "type" in schema:
        return {schema["type"]}
    return {t for part in schema.get("allOf", []) for t in types_of(part)}


def broken(schema, example):
    """The example with one thing wrong, in every way there is."""
    if not isinstance(example, dict):
        for kind in types_of(schema):
            yield f"a {kind} of the wrong type", WRONG[kind]
        return
    props, required = properties(schema)
    for key in required:
        less = copy.deepcopy(example)
        if less.pop(key, None) is not None:
            yield f"without {key}", less
    for key in props.keys() & example.keys():
        for kind in types_of(props[key]):
            yield f"{key} of the wrong type", {**example, key: WRONG[kind]}


def not_refused():
    tried = 0
    for name, schema, example in examples():
        for what, value in broken(schema, example):
            tried += 1
            if not errors(schema, value):
                yield f"{name}: {what} passes: {json.dumps(value)}"
    if tried < 500:
        yield f"only {tried} broken examples were made"


def unknown_keys():
    for name, schema in SCHEMAS.items():
        closed = name.endswith("_params") or name == "request_envelope"
        for example in schema.get("examples", [{"v": 1, "id": 1, "op": "ping"}] if closed else []):
            if isinstance(example, dict):
                refused = bool(errors(schema, {**example, "no_such_key": 1}))
                if refused != closed:
                    yield f"{name}: an unknown key is {'refused' if refused else 'taken'}"


def bounds():
    """Values at an edge and beyond it."""
    tag = SCHEMAS["has_params"]
    for value, good in (("t", 1), ("x" * 64, 1), ("\u00e9", 1), ("", 0), ("x" * 65, 0), ("a\nb", 0), ("\u007f", 0),
                        ("\u0085", 0)):
        if bool(errors(tag, {"tag": value})) == bool(good):
            yield f"tag {value!r}"
    step = SCHEMAS["store_snapshot_params"]
    for value, good in (0, 1), (65535, 1), (65536, 0), (-1, 0), (1.5, 0), (True, 0):
        if bool(errors(step, {"tag": "t", "step": value})) == bool(good):
            yield f"step {value!r}"
    for value, good in ("no_client", 1), ("because", 0):
        if bool(errors(step, {"tag": "t", "stats_reason": value})) == bool(good):
            yield f"stats_reason {value!r}"
    first = SCHEMAS["replay_params"]
    for value, good in (1, 1), ("oldest", 1), (-1, 0), ([], 0), (2 ** 64 - 1, 1), (2 ** 64, 0):
        if bool(errors(first, {"channel": "beat", "from": value})) == bool(good):
            yield f"from {value!r}"
    if not errors(SCHEMAS["drain_reply"], {"count": 1}):
        yield "a drain part that is neither a snapshot nor the totals"
    if not errors(MESSAGES["ping_reply"]["payload"], {"v": 1, "id": 1, "ok": False, "r": {"ts": 1, "mono": 1}}):
        yield "a refusal without an error"


test("every schema is a schema", list(bad_schemas()))
test("every reference leads somewhere", list(dangling()))
test("servers, channels and operations fit together", list(structure()))
test("every op and event is there", list(operations()))
test("every example passes", [f"{n}: {e}" for n, s, x in examples() for e in errors(s, x)])
test("every broken example is refused", list(not_refused()))
test("unknown keys are refused in requests and taken elsewhere", list(unknown_keys()))
test("bounds hold", list(bounds()))
print(f"1..{count}")
sys.exit(failed > 0)
