# SPDX-License-Identifier: MIT
"""ksnap within a guest: what only a kernel of its own lets a test do. Variables of the kernel by their
names, a CPU that goes and comes back, and cgroup controllers.

One boot serves all tests."""
import json
import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.environ["KSNAP_TOP_SRCDIR"] + "/tests/interop")

import aboard
import guest
from tap import equal, run, test

TOP = os.environ["KSNAP_TOP_BUILDDIR"]
WRITES = 500  # at most, until a CPU that came back is watched

SCENARIO = rb"""
local ksnap = require "ksnap"
local op, step = ksnap.op, ksnap.step
local function child(name, script) return op.spawn { "bash", "-c", script, name = name, cgroup = "/box/in" } end
return ksnap.scenario { name = "limits", setup = op.add_cgroup "/box/in",
	step { op.cpu_max { "/box/in", quota = 30000, period = 100000 }, op.set_cpuset { "/box/in", cpus = "1" },
		child("tell", "cat /sys/fs/cgroup/box/in/{cpu.max,cpuset.cpus.effective} >/limits; taskset -p $$ >>/limits"),
		op.wait "tell" },
	step { child("busy", "for ((i = 0; i < 1500; i++)); do :; done; cat /sys/fs/cgroup/box/in/cpu.stat >/stat"),
		op.wait "busy" },
	step { op.cpu_max { "/box/in", quota = "max" }, child("again", "cat /sys/fs/cgroup/box/in/cpu.max >>/limits"),
		op.wait "again" } }
"""


def hits(said):
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def totals(said):
    """(hits, shown, only counted) of the last line."""
    return tuple(map(int, re.search(r"ksnap: (\d+) hits, (\d+) shown, (\d+) only counted", said).groups()))


@test("a variable of the kernel is watched by its name: what was, what is, who wrote, from where")
def _(g):
    g.sh("echo 0 >/proc/sys/kernel/panic")
    said = g.sh("armed panic_timeout --len 4 --max-hits 2 -o jsonl")
    assert "on panic_timeout: 4 bytes at 0xffffffff" in said, said
    g.sh("echo 7 >/proc/sys/kernel/panic; echo 9 >/proc/sys/kernel/panic")
    said = g.sh("over")
    equal([(h["old"], h["new"], h["pid"], h["comm"]) for h in hits(said)], [(0, 7, 1, "init"), (7, 9, 1, "init")])
    for hit in hits(said):
        names = [frame.get("sym", "").split("+")[0] for frame in hit["stack"]]
        assert "proc_sys_call_handler" in names or "proc_sys_write" in names, names
    equal(totals(said), (2, 2, 0))


@test("more writes than the rate lets through: none is lost from the totals")
def _(g):
    g.sh("armed panic_timeout --len 4 --rate 1 --burst 1")
    g.sh("for ((i = 0; i < 50; i++)); do echo $i >/proc/sys/kernel/panic; done; kill -INT $watcher")
    all, shown, counted = totals(g.sh("over"))
    equal((all, shown + counted), (50, 50))
    assert 1 <= shown < 50, shown


@test("a variable of one CPU is watched by its name")
def _(g):
    g.sh("armed per_cpu:process_counts@1 --rate 1000 --burst 1000 -o jsonl")
    g.sh("taskset -c 1 forker -c 'cat /dev/null; cat /dev/null; :'; kill -INT $watcher")
    mine = [h for h in hits(g.sh("over")) if h["comm"] == "forker" and (int(h["new"]) - int(h["old"])) % 2**64 == 1]
    assert len(mine) >= 2, mine
    equal({h["cpu"] for h in mine}, {1})


@test("this kernel takes the program that knows where writers are, which is the cheaper one")
def _(g):
    said = g.sh("ksnap -vv watch panic_timeout --len 4 --for 10ms")
    assert "where this kernel keeps them" in said, said


@test("names that are wrong are told what is right")
def _(g):
    for name, says in [("panic_timeoud", '"panic_timeout"'), ("runqueues", "per_cpu:runqueues@0"),
                       ("per_cpu:runqueuez@0.nr_running", '"runqueues"'), ("per_cpu:runqueues@9.cpu", "CPU 9")]:
        said = g.sh(f"ksnap watch {name} --for 1s", status=None)
        assert says in said, (name, said)


@test("kernel memory is read by names")
def _(g):
    for cpu in 0, 1:
        equal(g.sh(f"ksnap read per_cpu:runqueues@{cpu}.cpu").split()[-1], str(cpu))
    g.sh("echo 77 >/proc/sys/kernel/panic")
    equal(g.sh("ksnap read panic_timeout --width 4").split()[-1], "77")


def until_a_hit_on(g, cpu):
    """Write on that CPU until a hit of it is told that was not told before."""
    g.sh("taskset -pc %d $$ >/dev/null; before=$(</hits); for ((i = 0; i < %d; i++)); do "
         "echo $i >/proc/sys/kernel/panic; IFS= read -r -t 0.1 -u $said line; told=$(</hits); "
         """[[ ${told:${#before}} == *'"cpu":%d,'* ]] && break; done; taskset -pc 0-1 $$ >/dev/null; ((i < %d))"""
         % (cpu, WRITES, cpu, WRITES))


@test("a CPU goes and comes back at once while a watch is armed: it is watched again")
def _(g):
    g.sh("armed panic_timeout --len 4 --rate 1000 --burst 1000 -o jsonl")
    g.sh("echo 0 >/sys/devices/system/cpu/cpu1/online; echo 1 >/sys/devices/system/cpu/cpu1/online")
    until_a_hit_on(g, 1)
    g.sh("kill -INT $watcher")
    g.sh("over")


@test("a CPU goes, the others are still watched, it comes back and is, too; its hits are not forgotten")
def _(g):
    g.sh("armed panic_timeout --len 4 --rate 1000 --burst 1000 -o jsonl")
    until_a_hit_on(g, 1)
    g.sh("echo 0 >/sys/devices/system/cpu/cpu1/online")
    until_a_hit_on(g, 0)
    g.sh("echo 1 >/sys/devices/system/cpu/cpu1/online")
    equal(g.sh("cat /sys/devices/system/cpu/online"), "0-1")
    until_a_hit_on(g, 1)
    g.sh("kill -INT $watcher")
    said = g.sh("over")
    all, shown, counted = totals(said)
    equal((all, counted), (shown, 0))
    equal(len(hits(said)), shown)
    g.sh("armed panic_timeout --len 4 --max-hits 1; echo 1 >/proc/sys/kernel/panic; over")  # registers are free


@test("the kernel tells of a CPU that came, before the next look at all of them")
def _(g):
    told = ("kernel says that CPUs", "for ((i = 0; i < 100; i++)); do for on in 0 1; do "
            "echo $on >/sys/devices/system/cpu/cpu1/online; IFS= read -r -t 0.1 -u $said line; "
            "[[ $line == *'%s'* ]] && break 2; done; done; echo $i; echo 1 >/sys/devices/system/cpu/cpu1/online")
    g.sh("armed panic_timeout -vv --len 4 -o jsonl")
    assert int(g.sh(told[1] % told[0]).splitlines()[-1]) < 100
    g.sh("kill -INT $watcher")
    g.sh("over")


@test("a scenario limits its programs by the cpu and the cpuset controller")
def _(g):
    g.sh("ksnap run /limits.lua")
    quota, cpus, affinity, again = g.sh("cat /limits").splitlines()
    equal((quota, cpus, again), ("30000 100000", "1", "max 100000"))
    assert affinity.endswith("mask: 2"), affinity
    stat = dict(line.split() for line in g.sh("cat /stat").splitlines())
    assert int(stat["nr_throttled"]) > 0, stat
    equal(g.sh("[ ! -e /sys/fs/cgroup/box ]; echo $?"), "0", "the cgroups are gone")


@test("the kernel it runs on is captured")
def _(g):
    g.sh("mkfifo /ready; ksnap attach /counter.bpf.o >/ready 2>&1 & attached=$!; IFS= read -r -t 60 line </ready; "
         "echo $line")
    report = json.loads(g.sh("ksnap capture t0 -o json --progs"))
    equal(report["target"]["kernel"], g.sh("cat /proc/sys/kernel/osrelease"))
    equal(report["complete"], True)
    assert any(m["name"].startswith("counter") for m in report["maps"]), [m["name"] for m in report["maps"]]
    g.sh("kill -INT $attached; wait $attached")


def main():
    if os.environ.get("SANITIZER", "no") != "no":
        return guest.lack("a sanitizer's libraries need more memory than the guest has")
    folder = tempfile.mkdtemp(prefix="ksnap-inside-", dir=TOP + "/tests/guest")
    try:
        kernel = guest.kernel()
        os.chdir(folder)  # sockets have short names then
        files = {"limits.lua": SCENARIO, "bin/forker": shutil.which("bash"),
                 "counter.bpf.o": f"{TOP}/tests/bpf/counter.bpf.o"}
        with aboard.Aboard(kernel, ".", files) as g:
            return run(g)
    except guest.Missing as e:
        return guest.lack(str(e))
    finally:
        os.chdir("/")
        shutil.rmtree(folder)


sys.exit(main())
