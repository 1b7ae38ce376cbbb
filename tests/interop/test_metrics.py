# SPDX-License-Identifier: MIT
"""ksnap status -o prometheus, read by a parser that takes nothing but OpenMetrics text: families in one
piece, type, unit and help before samples, sound names, labels and numbers, no sample twice, an end."""
import os
import re
import subprocess
import sys

from bus import pack
from serve import FIXTURE, Broker
from tap import equal, run, test

try:
    from prometheus_client.openmetrics import parser as openmetrics
except ImportError:
    openmetrics = None

NAME = r"[a-zA-Z_][a-zA-Z0-9_]*"
LABEL = rf'{NAME}="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\d+(?:\.\d+)?)")
SUFFIXES = {"gauge": ("",), "counter": ("_total",), "info": ("_info",),
            "histogram": ("_bucket", "_count", "_sum")}
REPORT = pack({"schema": "ksnap.report/1", "placeholder": False, "complete": True})


def unescape(text):
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text)


def labels_of(text):
    pairs = re.findall(rf'({NAME})="((?:[^"\\\n]|\\["\\n])*)"', text or "")
    equal(len({key for key, _ in pairs}), len(pairs), "labels once each")
    return tuple((key, unescape(value)) for key, value in pairs)


def take_sample(families, family, line):
    match = SAMPLE.fullmatch(line)
    assert match, f"no sample: {line!r}"
    name, labels, value = match[1], labels_of(match[2]), match[3]
    f = families[family]
    assert "type" in f and "help" in f, f"{name} before its family is told"
    assert name in [family + s for s in SUFFIXES[f["type"]]], f"{name} is not of {family}, a {f['type']}"
    assert (name, labels) not in f["samples"], f"twice: {line}"
    f["samples"][name, labels] = float(value)


def parse(text):
    """{family: {type, unit?, help, samples: {(name, labels): value}}}"""
    families, family = {}, None
    assert text.endswith("# EOF\n"), "no end"
    for line in text[:-len("# EOF\n")].splitlines():
        if not line.startswith("#"):
            take_sample(families, family, line)
            continue
        word, name, rest = re.fullmatch(rf"# (TYPE|UNIT|HELP) ({NAME}) (.+)", line).groups()
        if name != family:
            assert name not in families, f"{name} in two pieces"
            family, families[name] = name, {"samples": {}}
        assert word.lower() not in families[name] and not families[name]["samples"], line
        families[name][word.lower()] = rest
    return families


def check_family(name, f):
    assert f["type"] in SUFFIXES, f"{name} is a {f['type']}"
    assert not name.endswith(("_total", "_info", "_bucket", "_count", "_sum")), name
    assert "unit" not in f or name.endswith("_" + f["unit"]), f"{name} has the unit {f['unit']}"
    if f["type"] != "histogram":
        return
    rows = [(float(dict(labels)["le"]), n) for (key, labels), n in f["samples"].items() if key.endswith("_bucket")]
    assert rows == sorted(rows) and [n for _, n in rows] == sorted(n for _, n in rows), rows
    equal(rows[-1], (float("inf"), f["samples"][name + "_count", ()]), "the last bucket has all")


def check_official(text, families):
    """Prometheus' own parser, where python3-prometheus-client is installed, finds the same samples."""
    if not openmetrics:
        return
    got = {f.name: {(s.name, tuple(s.labels.items())): s.value for s in f.samples}
           for f in openmetrics.text_string_to_metric_families(text)}
    equal(got, {name: f["samples"] for name, f in families.items()}, "what the other parser reads")


def metrics(broker):
    done = subprocess.run([os.environ["KSNAP"], "-e", broker.ipc, "status", "-o", "prometheus"],
                          capture_output=True, text=True, check=True)
    families = parse(done.stdout)
    for name, f in families.items():
        check_family(name, f)
    check_official(done.stdout, families)
    return families


def value(families, family, suffix="", **labels):
    return families[family]["samples"][family + suffix, tuple(labels.items())]


@test("the parser takes no nonsense")
def strict(_):
    good = "# TYPE a counter\n# HELP a x\na_total 1\n# EOF\n"
    parse(good)
    for bad in (good[:-1], good.replace("a_total", "a"), good.replace(" 1", " -"), good.replace("a_total 1", 'a_total{b="c} 1'),
                good.replace("# HELP a x\n", ""), good.replace("a_total 1\n", "a_total 1\na_total 2\n")):
        try:
            parse(bad)
        except (AssertionError, AttributeError):
            continue
        raise AssertionError(f"taken: {bad!r}")


@test("a broker that did nothing yet")
def idle(broker):
    f = metrics(broker)
    equal(value(f, "ksnap_queued_jobs", name=FIXTURE), 0)
    assert value(f, "ksnap_resident_bytes") > 0
    equal(value(f, "ksnap_refused_connections", "_total"), 0)
    equal(f["ksnap_uptime_seconds"]["unit"], "seconds")


@test("counters are those of status")
def counters(broker):
    with broker.client() as c:
        for _ in range(70):
            c.call("store_snapshot", {"tag": "m"}, [REPORT], b="counted")
        c.refusal("store_snapshot", {"tag": ""}, [REPORT], b="counted")
    f = metrics(broker)
    equal(value(f, "ksnap_bridge_accepted", "_total", name="counted"), 70)
    equal(value(f, "ksnap_bridge_overwritten", "_total", name="counted"), 69)
    equal(value(f, "ksnap_bridge_snapshots", name="counted"), 1)
    equal(value(f, "ksnap_bridge_snapshots_limit", name="counted"), 64)
    equal(value(f, "ksnap_requests", "_total", op="store_snapshot"), 71)
    equal(value(f, "ksnap_request_failures", "_total", op="store_snapshot"), 1)
    equal(value(f, "ksnap_errors", "_total", code="E_ARG"), 1)
    equal(value(f, "ksnap_published", "_total", channel="snapshot/counted"), 70)
    assert value(f, "ksnap_answer_seconds", "_count") >= 71


@test("what has quotes, backslashes and letters of any kind comes back as it was")
def names(broker):
    name = 'a"b\\c\u00e9{},='
    with broker.client() as c:
        c.call("store_snapshot", {"tag": "m"}, [REPORT], b=name)
    equal(value(metrics(broker), "ksnap_bridge_snapshots", name=name), 1)


@test("each answer falls into one row of the histogram")
def latency(broker):
    with broker.client() as c:
        before = c.call("status")["latency"]
        for _ in range(100):
            c.call("ping")
        after = c.call("status")["latency"]
    equal(after["n"] - before["n"], 101)
    equal([row["le_us"] for row in after["rows"]], sorted(row["le_us"] for row in after["rows"]))
    assert after["rows"][-1]["n"] <= after["n"] and after["sum_us"] >= before["sum_us"]


@test("only status has metrics")
def others(broker):
    done = subprocess.run([os.environ["KSNAP"], "-e", broker.ipc, "list", "-o", "prometheus"],
                          capture_output=True, text=True, check=False)
    equal((done.returncode, done.stdout), (2, ""))
    assert "-o prometheus is for status" in done.stderr, done.stderr


def main():
    with Broker() as broker:
        return run(broker, on_failure=broker.tell)


if __name__ == "__main__":
    sys.exit(main())
