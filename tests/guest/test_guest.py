# SPDX-License-Identifier: MIT
"""A core of a guest against what a program in the guest saw: every map, byte for byte.

One boot serves all tests. Nothing in the guest writes to the maps unless a test says so, so what was
printed just before the guest was stopped is what its memory must hold."""
import collections
import concurrent.futures
import contextlib
import json
import mmap
import operator
import os
import random
import re
import select
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.environ["KSNAP_TOP_SRCDIR"] + "/tests/interop")

import guest
import kdump
import made_vmlinux
import report
from bus import Client
from serve import Broker
from tap import below, equal, read, require, run, test

KSNAP = os.environ["KSNAP"]
NAMES = {1: "hash", 2: "array", 3: "prog_array", 4: "perf_event_array", 8: "cgroup_array", 14: "devmap",
         16: "cpumap", 24: "sk_storage", 25: "devmap_hash", 26: "struct_ops", 28: "inode_storage",
         32: "cgrp_storage", 5: "percpu_hash", 6: "percpu_array", 7: "stack_trace",
         9: "lru_hash", 10: "lru_percpu_hash", 11: "lpm_trie", 12: "array_of_maps", 13: "hash_of_maps",
         22: "queue", 23: "stack", 27: "ringbuf", 29: "task_storage", 30: "bloom_filter", 15: "sockmap", 17: "xskmap", 18: "sockhash",
         20: "reuseport_sockarray", 33: "arena", 31: "user_ringbuf", 19: "cgroup_storage", 21: "percpu_cgroup_storage"}
UNREAD = "bloom", "old_storage", "old_storage_cpu"  # what is in them cannot be told, and the report says so
# Of maps whose entries are not as the kernel would give them to a program: key and value in the report.
SIZES = {"events": (4, 16), "cgroups": (4, 8), "of_socket": (8, 16), "of_file": (16, 16), "of_cgroup": (8, 16),
         "xdp_sockets": (4, 12), "arena": (8, 4096)}
SECTIONS = "shapes.data", "shapes.rodata", "shapes.bss", "inside.bss", "inside.rodata"


def ksnap(*args, status=0):
    got = subprocess.run([KSNAP, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         timeout=120)
    if got.returncode != status:
        raise AssertionError(f"ksnap {args}: exit {got.returncode}, expected {status}: {got.stderr.decode()}")
    return got


def capture(target, *args):
    """A report, decoded with nothing of ksnap's."""
    out = ksnap("capture", "t0", "--target", target, "-o", "msgpack", *args).stdout
    return report.load(out)


def rows(m):
    """Raw entries of a map row, in order of key."""
    step = m["ncpu"] * m["stride"] if m.get("ncpu") else m["value_size"]
    keys = [b""] * m["count"] if not m["keys"] else [
        m["keys"][i * m["key_size"]:(i + 1) * m["key_size"]] for i in range(m["count"])]
    return [(k, m["vals"][i * step:(i + 1) * step]) for i, k in enumerate(keys)]


def expected(seen):
    if seen.name in SECTIONS:
        return [(b"", v) for _, v in seen.entries]
    return seen.entries


def compare_map(m, seen):
    equal(m["type"], NAMES[seen.type], "type of " + seen.name)
    sizes = SIZES.get(seen.name, (seen.key_size, seen.value_size))
    equal((m["key_size"], m["value_size"]), sizes, seen.name)
    for key in "name", "max_entries", "flags":
        equal(m[key], getattr(seen, key), f"{key} of {seen.name}")
    if seen.ring:
        equal((m["ringbuf"]["consumer"], m["ringbuf"]["producer"]), seen.ring, seen.name)
        return
    if seen.name in UNREAD:
        equal((m["complete"], m["count"]), (False, 0), seen.name)
        return
    equal(m["complete"], True, seen.name)
    if seen.name in ("queue", "stack"):
        equal(rows(m), seen.entries, seen.name)
    else:
        equal(sorted(rows(m)), sorted(expected(seen)), seen.name)


def compare(r, inside):
    equal([m["id"] for m in r["maps"]], sorted(inside), "ids")
    for m in r["maps"]:
        compare_map(m, inside[m["id"]])
    equal({x["code"] for x in r["reasons"]}, {"unsupported"})  # of UNREAD


def by_name(r, name):
    return next(m for m in r["maps"] if m["name"] == name)


class Place:
    """The guest, its core, and what it said before it was dumped."""

    def __init__(self, g, folder, kernel):
        self.guest, self.dir, self.core, self.kernel = g, folder, folder + "/core", kernel
        self.target = f"guest:{g.qmp_path},mem={g.memory}"
        self.watched = f"{self.target},gdb={g.gdb_path}"
        self.symbols = folder + "/kallsyms"
        with open(self.symbols, "w") as f:
            f.write("\n".join(g.ask("syms")) + "\n")
        self.run_program(20)
        self.inside = g.maps()
        g.qmp("stop")
        g.dump(self.core)
        g.qmp("cont")

    def run_program(self, times):
        """Let the program in the guest see that many switches, and be quiet again."""
        first = self.seen("flag 1")
        self.await_seen(first + times)
        self.seen("flag 0")

    def await_seen(self, count):
        guest.until(f"the program sees its switch {count}", lambda: self.seen("flag") >= count)

    def addresses(self):
        with open(self.symbols) as f:
            return {name: int(address, 16) for address, _, name in map(str.split, f)}

    def read(self, symbol, size):
        """Bytes in the core."""
        got = ksnap("read", "--target", "core:" + self.core, "--bytes", str(size), symbol, "--hex").stdout
        return bytes.fromhex(got.decode().strip().removeprefix("hex:"))

    def number_at(self, symbol, more=0):
        at = self.addresses()[symbol] + more
        return int(ksnap("read", "--target", "core:" + self.core, "--width", "8", hex(at)).stdout)

    def id_of(self, name):
        return next(m.id for m in self.inside.values() if m.name == name)

    def seen(self, words):
        return int(self.guest.ask(words)[0].split()[-1])


# ---- what must be refused ------------------------------------------------------------------------

@test("files that are no core of a kernel are refused, and the error names the reason")
def _(p):
    empty, text = p.dir + "/empty", p.dir + "/text"
    open(empty, "w").close()
    with open(text, "w") as f:
        f.write("some text\n" * 100)
    for target, says in [("core:" + p.dir + "/none", "cannot be opened"), ("core:" + empty, "is empty"),
                         ("core:" + text, "not an ELF core"), ("core:", "core:FILE"),
                         (f"core:{p.core},hello=1", "vmlinux, kallsyms, btf"), (f"core:{p.core},btf=", "needs a value"),
                         (f"core:{p.core},vmlinux=a,kallsyms=b", "take one"),
                         (f"core:{p.core},vmlinux={text}", "not an ELF kernel image"),
                         (f"core:{p.core},btf={text}", "no BTF can be read")]:
        got = subprocess.run([KSNAP, "capture", "t0", "--target", target], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, timeout=60)
        if got.returncode == 0 or says not in got.stderr.decode():
            raise AssertionError(f"{target}: exit {got.returncode}, {got.stderr.decode()!r} does not say {says!r}")


@test("symbols of another boot are refused")
def _(p):
    other = p.dir + "/other"
    with open(p.symbols) as f, open(other, "w") as out:
        for line in f:
            address, rest = line.split(" ", 1)
            moved = int(address, 16) + (0x200000 if int(address, 16) >> 63 else 0)
            out.write(f"{moved:016x} {rest}")
    got = ksnap("capture", "t0", "--target", f"core:{p.core},kallsyms={other}", status=1)
    if b"another kernel" not in got.stderr:
        raise AssertionError(got.stderr.decode())


@test("a vmlinux of another kernel is refused, by its build id, by its version text, and by where its symbols are")
def _(p):
    with open(p.core, "rb") as f, mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as core:
        info = kdump.vmcoreinfo(core)
    moved = int(re.search(rb"KERNELOFFSET=([0-9a-f]+)", info)[1], 16)
    build_id = bytes.fromhex(re.search(rb"BUILD-ID=([0-9a-f]+)", info)[1].decode())
    linked = {name: at - moved if at >= kdump.KERNEL_MAP else at for name, at in p.addresses().items()}
    banner, path = p.read("linux_banner", 400).split(b"\0")[0], p.dir + "/vmlinux"
    shifted = {name: at + 4096 for name, at in linked.items()}
    for target in "core:" + p.core, p.target:
        made_vmlinux.write(path, linked, build_id, banner)
        compare(capture(f"{target},vmlinux={path}"), p.inside)
        for words, *what in [("its build id is", linked, build_id[::-1], banner),
                             ("is another kernel: 'Linux version 5", linked, build_id, b"Linux version 5.0 (x)\n"),
                             ("no version text stands where it says", shifted, build_id, b"")]:
            made_vmlinux.write(path, *what)
            refused(f"{target},vmlinux={path}", words)
    equal(p.guest.status(), "running")


@test("doctor says whether a guest can be captured and watched, and leaves it running")
def _(p):
    def verdicts(target, status):
        rows = json.loads(ksnap("doctor", target, "-o", "json", status=status).stdout)
        return {r["check"]: (r["verdict"], r["found"]) for r in rows if r["of"] == target}

    equal({key: v for key, (v, _) in verdicts(p.watched, 0).items()}, {"memory": "good", "stub": "good"})
    equal({key: v for key, (v, _) in verdicts(p.target, 0).items()}, {"memory": "good", "stub": "limited"})
    for more, check, status, says in ((f",gdb={p.dir}/none", "stub", 0, "no gdbstub answers"), (",low=65536", "memory", 1, "no kernel")):
        verdict, found = verdicts(p.target + more, status)[check]
        equal((verdict, says in found), ("missing" if status else "limited", True), found)
    equal(p.guest.status(), "running")


@test("types of another kernel are refused, its own from a file are taken")
def _(p):
    start, stop = (p.addresses()[name] for name in ("__start_BTF", "__stop_BTF"))
    own = p.dir + "/btf"
    with open(own, "wb") as f:
        for at in range(start, stop, 1 << 20):
            f.write(p.read(hex(at), min(1 << 20, stop - at)))
    for target in "core:" + p.core, p.target:
        compare(capture(f"{target},btf={own}"), p.inside)
    with open(own, "r+b") as f:
        f.seek(-2, os.SEEK_END)  # a letter of its last name
        last = f.read(1)
        f.seek(-2, os.SEEK_END)
        f.write(b"x" if last != b"x" else b"y")
    for target in "core:" + p.core, p.target:
        refused(f"{target},btf={own}", "is of another kernel than this one")
    os.unlink(own)


@test("a core without VMCOREINFO is refused, and read when a file has the symbols")
def _(p):
    wiped = p.dir + "/wiped"
    guest.run("cp", "--sparse=always", p.core, wiped)
    with open(wiped, "r+b") as f, mmap.mmap(f.fileno(), 0) as core:
        at = core.find(b"OSRELEASE=")
        while at >= 0:
            core[at:at + 10] = b"\0" * 10
            at = core.find(b"OSRELEASE=", at)
    refused("core:" + wiped, "no kernel tells about itself (VMCOREINFO)")
    compare(capture(f"core:{wiped},kallsyms={p.symbols}"), p.inside)
    os.unlink(wiped)


@test("of a core that is cut short: what is there, or the reason why nothing is")
def _(p):
    cut = p.dir + "/cut"
    size = os.path.getsize(p.core)
    for part in 0.99, 0.6, 0.3, 0.05:
        shutil.copy(p.core, cut)
        os.truncate(cut, int(size * part))
        got = subprocess.run([KSNAP, "capture", "t0", "--target", "core:" + cut, "-o", "msgpack"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        if got.returncode == 0:
            r = report.load(got.stdout)
            equal(r["complete"], False)
            if not any("cut short" in x["text"] for x in r["reasons"]):
                raise AssertionError(f"{part}: {r['reasons']}")
        elif b"ksnap: error: E_" not in got.stderr:
            raise AssertionError(f"{part}: exit {got.returncode}: {got.stderr.decode()}")


def cut_while_captured(p, left):
    """Whether a capture was refused, all for the one reason."""
    cut = p.dir + "/cut"
    guest.run("cp", "--sparse=always", p.core, cut)
    with Broker("core:" + cut) as b, Client(b.ipc) as c:
        c.call("capture_snapshot", {"tag": "t0"})
        worker = c.call("status")["workers"][0]["pid"]
        for _ in range(64):
            c.send("capture_snapshot", {"tag": "t0", "progs": True})
        answers = c.receive()
        os.truncate(cut, left)  # the next one is being captured; many wait, if this comes late
        answers += [c.receive()[0] for _ in range(63)]
        equal(answers[0].envelope["ok"], True)
        refused = [a.envelope["e"] for a in answers if not a.envelope["ok"]]
        for e in refused:
            equal((e["code"], "shrank from" in e["msg"]), ("E_TARGET", True), e)
        got = c.refusal("read_kernel_hot", {"tag": "k", "at": "linux_banner", "width": {"bytes": 8}})
        equal(got.code, "E_TARGET")
        equal(c.call("status")["workers"][0]["pid"], worker)
    return bool(refused)


@test("a core that becomes shorter while it is captured: an error, and the worker lives")
def _(p):
    for left in 0, 4096, os.path.getsize(p.core) // 2:
        # All may be captured before it is cut, on a machine with much else to do; then once more.
        if not any(cut_while_captured(p, left) for _ in range(5)):
            raise AssertionError(f"cut to {left}: nothing was refused")


@test("a core with broken bytes: a report or an error, never a crash")
def _(p):
    broken, size, failed = p.dir + "/broken", os.path.getsize(p.core), 0
    shutil.copy(p.core, broken)
    for seed in range(8):
        rng = random.Random(seed)
        places = [rng.randrange(4096, size) for _ in range(40)]
        with open(broken, "r+b") as f, open(p.core, "rb") as whole:
            for at in places:
                f.seek(at)
                f.write(bytes([rng.randrange(256)]))
            f.flush()
            got = subprocess.run([KSNAP, "capture", "t0", "--target", "core:" + broken, "-o", "msgpack", "--progs"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
            for at in places:
                f.seek(at)
                whole.seek(at)
                f.write(whole.read(1))
        failed += got.returncode != 0
        if got.returncode != 0 and b"ksnap: error: E_" not in got.stderr:
            raise AssertionError(f"exit {got.returncode}: {got.stderr.decode()}")
    print(f"# {failed} of 8 gave an error")


# ---- other layouts, other eyes ---------------------------------------------------------------------

@test("a core as kdump lays it out: the same maps, registers and memory")
def _(p):
    vmcore = p.dir + "/vmcore"
    kdump.convert(p.core, vmcore, {**p.addresses(), "page_offset_base": p.number_at("page_offset_base")})
    r = capture("core:" + vmcore, "--progs")
    compare(r, p.inside)
    old = capture("core:" + p.core, "--progs")
    for key in "tasks", "cpus", "progs":
        equal(r[key], old[key], key)
    equal([len(c["regs"]) > 10 for c in r["cpus"]], [True, True])


@test("drgn reads the same from a core of kdump's layout")
def _(p):
    try:
        import second
    except ImportError:
        require("drgn", False, "python3-drgn is not installed")
    eyes = second.Second(p.dir + "/vmcore", p.addresses(), p.dir)
    r = capture("core:" + p.core, "--progs")
    at = p.addresses()
    rq = [eyes.per_cpu("runqueues", c) for c in (0, 1)]
    maps = eyes.maps()
    levels, bss = maps[p.id_of("levels")], maps[p.id_of("inside.bss")]
    compared = {
        "version text": (eyes.string(at["linux_banner"], 100), p.read("linux_banner", 100)),
        "jiffies": (eyes.number(at["jiffies_64"]), p.number_at("jiffies_64")),
        "offset of CPU 1": (eyes.number(at["__per_cpu_offset"] + 8), p.number_at("__per_cpu_offset", 8)),
        "switches of CPU 0": (eyes.member(rq[0], "rq", "nr_switches"), r["cpus"][0]["nr_switches"]),
        "clock of CPU 1": (eyes.member(rq[1], "rq", "clock"), r["cpus"][1]["clock"]),
        "thread on CPU 1": (eyes.member(eyes.member(rq[1], "rq", "curr"), "task_struct", "pid", 4), r["cpus"][1]["curr"]),
        "name of the idle task": (eyes.string(at["init_task"] + eyes.offsets["task_struct", "comm"], 16), b"swapper/0"),
        "processes": ([eyes.member(t, "task_struct", "pid", 4) for t in eyes.processes()],
                      [t["pid"] for t in r["tasks"] if t["pid"] == t["tid"]]),
        "their names": ([eyes.string(t + eyes.offsets["task_struct", "comm"], 16).decode() for t in eyes.processes()],
                        [t["comm"] for t in r["tasks"] if t["pid"] == t["tid"]]),
        "ids of maps": (sorted(maps), [m["id"] for m in r["maps"]]),
        "size of levels": (eyes.member(levels, "bpf_map", "max_entries", 4), by_name(r, "levels")["max_entries"]),
        "values of levels": (values_of(eyes, levels), by_name(r, "levels")["vals"]),
        "inside.bss": (values_of(eyes, bss), by_name(r, "inside.bss")["vals"]),
    }
    for what, (drgn_says, ksnap_says) in compared.items():
        equal(ksnap_says, drgn_says, what)
    print(f"# {len(compared)} values")


def values_of(eyes, array):
    """Of an array whose elements need no padding."""
    n = eyes.member(array, "bpf_map", "max_entries", 4) * eyes.member(array, "bpf_map", "value_size", 4)
    return bytes(eyes.prog.read(array + eyes.offsets["bpf_array", "value"], n))


# ---- what is there ---------------------------------------------------------------------------------

@test("every map of the core is what the program inside saw, one of each type at least")
def _(p):
    compare(capture("core:" + p.core), p.inside)
    lacking = set(NAMES) - {seen.type for seen in p.inside.values()}
    equal(lacking <= {32, 33}, True, f"types that no map has: {lacking}; later kernels than 6.1 have those two")


@test("a core of 256 MiB is captured without qemu, with less memory of one's own than a quarter of that")
def _(p):
    def have_little():
        resource.setrlimit(resource.RLIMIT_DATA, (64 << 20, 64 << 20))  # what is mapped from the file is no data

    equal(os.path.getsize(p.core) >= 256 << 20, True)
    began = time.monotonic()
    with open(p.dir + "/report", "w+b") as out:
        process = subprocess.Popen([KSNAP, "capture", "t0", "--target", "core:" + p.core, "--progs", "-o", "msgpack"],
                                   stdin=subprocess.DEVNULL, stdout=out, preexec_fn=have_little)
        _, status, used = guest.await_exit(process.pid)
        seconds, process.returncode = time.monotonic() - began, os.waitstatus_to_exitcode(status)
        equal(process.returncode, 0)
        out.seek(0)
        compare(report.load(out.read()), p.inside)
    print(f"# {seconds:.2f} s, at most {used.ru_maxrss >> 10} MiB in memory, the file's pages among them")


@test("the same with a file of symbols")
def _(p):
    compare(capture(f"core:{p.core},kallsyms={p.symbols}"), p.inside)


@test("the report says what it is of")
def _(p):
    r = capture("core:" + p.core)
    equal((r["target"]["kind"], r["target"]["cpus"], r["consistency"]), ("core", 2, "stopped"))
    if not r["target"]["kernel"].endswith("-cloud-amd64"):
        raise AssertionError(r["target"])


@test("values have their types")
def _(p):
    r = capture("core:" + p.core)
    tasks = dict(report.entries(r, by_name(r, "tasks")))
    equal(tasks[7]["comm"], "task-7")
    equal(tasks[7]["weight"], (1 << 40) + 7)
    equal((tasks[4]["state"], tasks[4]["state"].name), (100, "SHAPE_DEAD"))
    equal(report.variables(r, "inside.bss")["state"]["flag"], 0)
    equal(report.variables(r, "shapes.rodata")["version"], 42)


@test("stack traces have the names of kernel functions")
def _(p):
    r = capture("core:" + p.core, "--map", "stacks")
    m = by_name(r, "stacks")
    if not m["count"] or not any(s["name"] in ("__schedule", "schedule", "__traceiter_sched_switch", "schedule_idle")
                                 for s in m["symbols"]):
        raise AssertionError(f"{m['count']} stacks, {m.get('symbols')}")


@test("maps are selected as on a live kernel")
def _(p):
    r = capture("core:" + p.core, "--map", "obj:inside", "--map", "!ring")
    equal({m["name"] for m in r["maps"]},
          {"notes", "stacks", "per_cpu", "inside.bss", "inside.rodata"})
    r = capture("core:" + p.core, "--map", "outer_array")
    equal([m["name"] for m in r["maps"]], ["inner", "outer_array"])
    equal(by_name(r, "outer_array")["inner"], [by_name(r, "inner")["id"]])


@test("programs, and which maps they use")
def _(p):
    r = capture("core:" + p.core, "--progs", "--map", "notes")
    prog = next(x for x in r["progs"] if x["name"] == "see_switch")
    equal(prog["type"], "raw_tracepoint")
    if by_name(r, "notes")["id"] not in prog["maps"] or by_name(r, "notes")["owners"] != [prog["id"]]:
        raise AssertionError((prog, by_name(r, "notes")["owners"]))


# ---- the guest while it runs -----------------------------------------------------------------------

def refused(target, says):
    got = subprocess.run([KSNAP, "capture", "t0", "--target", target], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, timeout=60)
    if got.returncode == 0 or says not in got.stderr.decode():
        raise AssertionError(f"{target}: exit {got.returncode}, {got.stderr.decode()!r} does not say {says!r}")


@test("what is no guest is refused, and the error names the reason")
def _(p):
    qmp, mem = p.guest.qmp_path, p.guest.memory
    short = p.dir + "/short"
    with open(short, "wb") as f:
        f.truncate(1 << 20)
    refused("guest:" + qmp, "mem= is missing")
    refused(f"guest:,mem={mem}", "guest:QMP_SOCKET")
    refused(f"guest:{qmp},mem={p.dir}/none", "cannot be opened")
    refused(f"guest:{qmp},mem={mem},low=1e9", "low takes a number")
    refused(f"guest:{qmp},mem={mem},low={1 << 32}", "low=")
    refused(f"guest:{qmp},mem={mem},stop_ms=0", "stop_ms takes a number")
    for hot in "0", "101", "-1", "1%", "":
        refused(f"guest:{qmp},mem={mem},hot={hot}", "hot takes a number from 1 to 100" if hot else "needs a value")
    refused(f"guest:{p.dir}/none,mem={mem}", "no qemu answers")
    refused(f"guest:{p.guest.gdb_path},mem={mem}", "is qemu's gdbstub, which stopped the guest when ksnap connected; it goes on again")
    equal(p.guest.status(), "running")
    refused(f"guest:{p.dir}/{'x' * 110},mem={mem}", "at most")
    refused(f"guest:{qmp},mem={short}", "cannot be the part below 4 GiB")
    refused(f"guest:{qmp},mem={short},low={1 << 20}", "is not what qemu backs the guest's memory with")
    refused(f"guest:{qmp},mem={mem},low={1 << 20}", "no kernel tells about itself")
    equal(p.guest.status(), "running")


@test("a file that is not the guest's memory, or that qemu does not share, is refused")
def _(p):
    copy, alone = p.dir + "/copy", p.dir + "/alone"
    subprocess.run(["cp", "--sparse=always", p.guest.memory, copy], check=True)
    refused(f"guest:{p.guest.qmp_path},mem={copy}", "is not what qemu backs the guest's memory with, that is " + p.guest.memory)
    os.unlink(copy)
    os.link(p.guest.memory, copy)
    capture(f"guest:{p.guest.qmp_path},mem={copy}", "--map", "notes")
    os.unlink(copy)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(alone + ".qmp")
        s.listen(1)
        qemu = subprocess.Popen(
            ["qemu-system-x86_64", "-S", "-accel", "tcg", "-machine", "pc,memory-backend=ram", "-m", "64", "-object",
             f"memory-backend-file,id=ram,size=64M,mem-path={alone},share=off", "-display", "none", "-nodefaults",
             "-chardev", f"socket,id=qmp,fd={s.fileno()},server=on,wait=off", "-mon", "chardev=qmp,mode=control"],
            stdin=subprocess.DEVNULL, pass_fds=[s.fileno()], preexec_fn=guest.die_with_parent)
    try:
        refused(f"guest:{alone}.qmp,mem={alone}", "it needs share=on")
    finally:
        qemu.kill()
        qemu.wait()


@test("a socket that another client has is told from one that is gone")
def _(p):
    other = guest.Lines(p.guest.qmp_path)
    other.read()
    try:
        refused(p.target, "another client has this socket")
        with Broker(p.target) as b, Client(b.ipc) as c:
            got = c.refusal("capture_snapshot", {"tag": "t0"})
            equal((got.code, got.retry), ("E_BUSY", True), got.msg)
            other.close()
            c.call("capture_snapshot", {"tag": "t0"})
    finally:
        other.close()
    compare(capture(p.target), p.guest.maps())


@test("a socket that is not qemu's is refused")
def _(p):
    for says, text in [(b"hello\r\n", "does not speak QMP"), (b"", "closed its QMP socket"),
                       (b'{"QMP": {}}\r\n{"id": 1}\n', "an answer that is none"),
                       (b'{"QMP": {}}\r\n{"id": 1, "error": {"class": "X", "desc": "no"}}\n', "refuses"),
                       (b"x" * (5 << 20), "without an end")]:
        path = p.dir + "/fake"
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
            s.listen(1)
            s.settimeout(guest.ANSWER_S)

            def serve():
                peer, _ = s.accept()
                with peer:
                    peer.settimeout(guest.ANSWER_S)
                    try:
                        peer.sendall(says)
                        if says:
                            while peer.recv(4096):
                                pass
                    except OSError:
                        pass

            server = threading.Thread(target=serve)
            server.start()
            try:
                refused(f"guest:{path},mem={p.guest.memory}", text)
            finally:
                guest.await_end(server)
                os.unlink(path)


@test("every map of the running guest is what the program inside saw, and the guest goes on")
def _(p):
    for _ in range(3):
        compare(capture(p.target), p.inside)
        equal(p.guest.status(), "running")


@test("a guest that is written to all the time stands still while it is read")
def _(p):
    p.seen("flag 1")
    try:
        before = p.seen("flag")
        reports = [capture(p.target, "--map", "obj:inside", "--progs") for _ in range(5)]
        after = p.seen("flag")
    finally:
        p.seen("flag 0")
    last = before
    for r in reports:
        state = report.variables(r, "inside.bss")["state"]
        counted = dict(report.entries(r, by_name(r, "per_cpu")))[0]
        if not last <= state["nr_seen"] <= after or state["flag"] != 1:
            raise AssertionError((before, state, after))
        # On each CPU the program may stand between its first count and its last.
        if not 0 <= state["nr_seen"] - sum(counted) <= len(counted):
            raise AssertionError((state, counted))
        equal(r["consistency"], "stopped")
        last = state["nr_seen"]
    p.inside = p.guest.maps()
    compare(capture(p.target), p.inside)


def link_of(words):
    """What the program inside said of a link, as a report has it."""
    _, id, kind, prog, name, *numbers = words.split(" ")
    a, b, c, d = map(int, numbers)
    row = {"id": int(id), "type": kind, "prog": int(prog)}
    if kind == "tracing":
        row.update(attach="trace_fentry", target_btf=b, target_id=c)
    elif kind == "cgroup":
        row.update(attach="cgroup_inet_egress", target_id=a | b << 32)
    elif kind == "netns":
        row.update(attach="sk_lookup", target_id=a)
    elif kind == "xdp":
        row.update(target_id=a)
    elif kind == "struct_ops":
        row.update(map=a)
    else:
        row.update(target=name)
    return row


@test("links, struct_ops and what is active are what the kernel in the guest says")
def _(p):
    inside = [link_of(line) for line in p.guest.ask("links")]
    kinds = {row["type"] for row in inside}
    equal({"raw_tracepoint", "tracing", "cgroup", "iter", "netns", "xdp"} - kinds, set())
    for target in "core:" + p.core, p.target:
        r = capture(target, "--progs")
        equal(r["links"], inside)
        progs = {x["name"]: x["id"] for x in r["progs"]}
        link, = [x["id"] for x in inside if x["type"] == "struct_ops"] or [None]
        equal(r["struct_ops"], [{
            "map": p.id_of("mt_ops"), "name": "mt_ops", "ops": "tcp_congestion_ops", "state": "ready" if link else "inuse",
            "refcnt": r["struct_ops"][0]["refcnt"], "attached": True, **({"link": link} if link else {}),
            "progs": [progs["mt_ssthresh"], progs["mt_cong_avoid"], progs["mt_undo_cwnd"]]}])
        equal(r["active"], [p.id_of("mt_ops")])
    r = capture(p.target)
    equal((r["active"], "links" in r), ([p.id_of("mt_ops")], False))


def compare_tasks(r, inside):
    """@inside: lines "task PID NAME"; a worker's name has what it works on behind it, which changes."""
    seen = {t["pid"]: t for t in r["tasks"] if t["pid"] == t["tid"]}
    for line in inside:
        _, pid, name = line.split(" ", 2)
        equal("task " in name, False, line)  # each has a line of its own, however long its name is
        if name.startswith("kworker/"):
            continue
        if int(pid) not in seen or seen[int(pid)]["comm"] != name[:15]:
            raise AssertionError(f"{line}: {seen.get(int(pid))}")
    equal(seen[1]["ppid"], 0)
    equal(seen[2]["comm"], "kthreadd")
    equal({t["ppid"] for t in r["tasks"] if t["comm"].startswith("kworker/")}, {2})


def compare_cpus(r):
    equal([c["cpu"] for c in r["cpus"]], [0, 1])
    names = {t["tid"]: t["comm"] for t in r["tasks"]}
    for c in r["cpus"]:
        if c["curr"]:
            equal(c["curr_comm"], names[c["curr"]])
        elif not c["curr_comm"].startswith("swapper/"):
            raise AssertionError(c)
        if not c["nr_switches"] or not c["system_ns"] or c["nr_running"] > len(names):
            raise AssertionError(c)


@test("threads and CPUs of a core")
def _(p):
    r = capture("core:" + p.core, "--progs", "--map", "notes")
    compare_tasks(r, p.guest.ask("tasks"))
    compare_cpus(r)
    for c in r["cpus"]:
        if c["regs"]["rip"] >> 63 and "+0x" not in c["sym"]:
            raise AssertionError(c)


@test("threads, CPUs and registers of a guest")
def _(p):
    inside = p.guest.ask("tasks")
    p.guest.qmp("stop")
    try:
        r = capture(p.target, "--progs", "--map", "notes")
        text = p.guest.qmp("human-monitor-command", **{"command-line": "info registers -a"})
    finally:
        p.guest.qmp("cont")
    compare_tasks(r, inside)
    compare_cpus(r)
    for c, block in zip(r["cpus"], text.split("CPU#")[1:]):
        said = dict(re.findall(r"\b([A-Z][A-Z0-9]{1,2}) ?=([0-9a-f]{16})", block))
        equal(c["regs"]["rip"], int(said["RIP"], 16))
        equal(c["regs"]["r8"], int(said["R8"], 16))
        equal(c["regs"]["rsp"], int(said["RSP"], 16))


@test("members of cgroups, of a guest and of a core")
def _(p):
    lists = {path: [sorted(map(int, p.guest.ask(f"members {path}/{file}"))) for file in ("cgroup.procs", "cgroup.threads")]
             for path in ("", "/idle", "/work", "/work/deep")}
    equal([len(ids) for ids in lists["/work/deep"]], [1, 2])
    for target in p.target, "core:" + p.core:
        with Broker(target) as b, Client(b.ipc) as c:
            for path, (procs, threads) in lists.items():
                def said(**more):
                    return sorted(c.call("capture_cgroup_procs", {"tag": "m", "cgroup": path or "/", **more})["pids"])
                equal(settled(said()), settled(procs), path)
                equal(settled(said(threads=True)), settled(threads), path)
            for cgroup, code in [("/none", "E_NOTFOUND"), ("/work/deep/er", "E_NOTFOUND"), ("cpu:/work", "E_UNSUPPORTED")]:
                equal(c.refusal("capture_cgroup_procs", {"tag": "m", "cgroup": cgroup}).code, code)
        r = capture(target, "--progs", "--map", "notes")
        deep, = {t["cgroup"] for t in r["tasks"] if t["tid"] in lists["/work/deep"][1]}
        equal(sorted(t["tid"] for t in r["tasks"] if t["cgroup"] == deep), lists["/work/deep"][1])
    equal(p.guest.status(), "running")


def settled(ids):
    """Of many only those that never go: the kernel's workers come and go, in the root."""
    return ids if len(ids) < 10 else [i for i in ids if i <= 2]


@test("times and interrupts of each CPU are between what the guest said before and after")
def _(p):
    before = p.guest.ask("cpus")
    r = capture(p.target, "--progs", "--map", "notes")
    after = p.guest.ask("cpus")

    def said(lines, word, column=1):
        return int(next(line.split() for line in lines if line.split()[0] == word)[column])

    counted = sum(n for c in r["cpus"] for n in c["softirqs"])
    if not said(before, "softirq") <= counted <= said(after, "softirq"):
        raise AssertionError((said(before, "softirq"), counted, said(after, "softirq")))
    for column, key in [(1, "user_ns"), (3, "system_ns")]:
        ticks = sum(c[key] for c in r["cpus"]) / 1e7
        if not said(before, "cpu", column) - 1 <= ticks <= said(after, "cpu", column) + 1:
            raise AssertionError((key, said(before, "cpu", column), ticks, said(after, "cpu", column)))
    for c in r["cpus"]:
        equal(len(c["softirqs"]), 10)
        if not c["irqs"] or not c["idle_sleep_ns"]:
            raise AssertionError(c)


@test("counters of NUMA nodes are between what the guest said before and after")
def _(p):
    before, r, after = p.guest.ask("nodes"), capture(p.target, "--progs", "--map", "notes"), p.guest.ask("nodes")
    equal([row["node"] for row in r["nodes"]], [0])
    for low, high in zip(before, after):
        (key, low), (_, high) = low.split(), high.split()
        if not int(low) <= r["nodes"][0][key] <= int(high):
            raise AssertionError((key, low, r["nodes"], high))
    equal((len(before), int(before[0].split()[1]) > 1000), (6, True))
    equal("sched" in r, False, "a kernel without sched_ext")


@test("how long the guest stands still for a capture")
def _(p):
    names = ["levels", "notes", "tasks", "recent", "cpu_array", "per_cpu", "inner", "queue", "stack", "odd"]
    maps = [word for name in names for word in ("--map", name)]
    p.guest.status()
    p.guest.events.clear()
    p.guest.times.clear()
    for _ in range(10):
        equal([m["name"] for m in sorted(capture(p.target, *maps)["maps"], key=lambda m: names.index(m["name"]))], names)
    p.guest.status()
    equal([e for e in p.guest.events if e in ("STOP", "RESUME")], ["STOP", "RESUME"] * 10)
    stops = sorted((b - a) * 1000 for a, b in zip(p.guest.times[::2], p.guest.times[1::2]))
    print(f"# 10 maps: {stops[0]:.1f} ms, {stops[5]:.1f} ms in the middle, {stops[-1]:.1f} ms at most")


@test("a guest that somebody else has stopped is read and left so")
def _(p):
    p.guest.qmp("stop")
    try:
        compare(capture(p.target), p.inside)
        equal(p.guest.status(), "paused")
    finally:
        p.guest.qmp("cont")


@test("a capture that takes longer than the guest may stand still says what is missing")
def _(p):
    r = capture(p.target + ",stop_ms=1", "--map", "*")
    if not r["complete"]:
        equal({x["code"] for x in r["reasons"]} <= {"deadline", "unsupported"}, True)
    equal(p.guest.status(), "running")


def frozen(p):
    """ksnap freeze on the guest, when it stands still."""
    process = subprocess.Popen([KSNAP, "freeze", "/", "--target", p.target], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, bufsize=0)
    while line := guest.next_line(process.stderr):
        if b"is frozen" in line:
            equal(p.guest.status(), "paused")
            return process
    raise AssertionError(f"exit {process.wait()}")


@test("a guest is held still, and goes on when the command ends")
def _(p):
    with frozen(p) as process:
        process.terminate()
        equal(process.wait(60), 0)
        process.stdout.close()
    equal(p.guest.status(), "running")


@test("a guest goes on when who held it is killed")
def _(p):
    for _ in range(5):
        with frozen(p) as process:
            process.kill()
        p.guest.await_running()
    compare(capture(p.target), p.inside)


# ---- memory by symbol --------------------------------------------------------------------------------

class Memory:
    """Kernel ops on one target."""

    def __init__(self, client, name):
        self.client, self.name = client, name

    def read(self, at, width=None, op="read_kernel_hot"):
        p = {"tag": "k", "at": at, "target": self.name}
        return self.client.call(op, p if width is None else {**p, "width": width})["value"]

    def write(self, *entries, op="write_kernel_hot"):
        rows = [dict(zip(("at", "value", "width"), e)) for e in entries]
        return self.client.call(op, {"tag": "w", "entries": rows, "target": self.name})

    def refuses(self, at, code, width=None, op="read_kernel_hot", **more):
        p = {"tag": "k", "target": self.name, **({"at": at} if at else {}), **more}
        got = self.client.refusal(op, p if width is None else {**p, "width": width})
        equal(got.code, code, f"{at}: {got.msg}")
        return got.msg


def read_all(p, m, op):
    """What both a guest and its core hold."""
    equal(m.read("linux_banner", {"bytes": 14}, op), b"Linux version ")
    equal(m.read("inside.rodata:mark", op=op), 0x5eed)
    equal(m.read("mark", op=op), 0x5eed)
    equal(m.read("version", op=op), 42)
    equal(m.read("state.flag", op=op), 0)
    equal(m.read("tasks[7].weight", op=op), (1 << 40) + 7)
    equal(m.read("tasks[7].comm", op=op).rstrip(b"\0"), b"task-7")
    equal(m.read("tasks[7].stat.hist[2]", op=op), 30)
    equal(m.read("tasks[25].nice", op=op), 5)
    equal(m.read("tasks[1].delta", op=op), -1)
    equal(m.read("levels[3].runs", op=op), 3000)
    equal(m.read("recent[4294967297]", op=op), 3 * 0x100000001)
    equal(m.read("cpu_array[3][cpu=1].n", op=op), 3001)
    equal(m.read("odd_cpu[hex:6b30303300][cpu=1]", 8, op), 301)
    equal(m.read("id:%d[2]" % p.id_of("levels"), {"bytes": 8}, op), (2000).to_bytes(8, "little"))
    equal(m.read("per_cpu:runqueues@1.cpu", op=op), 1)
    equal(m.read("per_cpu:runqueues@0.idle.pid", op=op), 0)
    start = int(m.read("__start_BTF", 2, op))
    equal(start, 0xeb9f)
    long = m.read("__start_BTF", {"bytes": 100000}, op)  # across pages
    equal(long[:2], b"\x9f\xeb")
    for at, code, width in [("no_such_thing", "E_NOTFOUND", None), ("tasks[4000]", "E_NOTFOUND", None),
                            ("tasks[x]", "E_ARG", None), ("tasks[7].nothing", "E_NOTFOUND", None),
                            ("tasks[7][cpu=0]", "E_ARG", None), ("cpu_array[3].n", "E_ARG", None),
                            ("cpu_array[3][cpu=7].n", "E_ARG", None), ("routes[hex:2000000a000001]", "E_ARG", None),
                            ("levels[99]", "E_NOTFOUND", None), ("linux_banner", "E_ARG", None),
                            ("0xffff000000000000", "E_TARGET", 8), ("0x1000", "E_TARGET", 8),
                            ("0xffffffff81000001", "E_ARG", 8), ("per_cpu:runqueues@9.cpu", "E_ARG", None),
                            ("per_cpu:nothing@0", "E_NOTFOUND", None), ("tasks[7].weight", "E_ARG", {"bytes": 1000})]:
        m.refuses(at, code, width, op)


@test("memory of a core, by symbol; nothing of it is written")
def _(p):
    with Broker("core:" + p.core, args=["--allow-writes"]) as b, Client(b.ipc) as c:
        for op in "read_kernel_hot", "read_kernel_cold":
            read_all(p, Memory(c, "core:" + p.core), op)
        c.call("capture_snapshot", {"tag": "t0", "progs": True})
        r = report.load(c.part("get", {"tag": "t0"}).blobs[0])
        init = next(t for t in r["tasks"] if t["tid"] == 1)
        m = Memory(c, "core:" + p.core)
        at = {"task": 1, "start_time": init["start_time"] // 10**7, "field": "comm"}
        equal(m.read(at).rstrip(b"\0"), b"init")
        equal(m.read({**at, "field": "real_parent.pid"}), 0)
        m.refuses({**at, "start_time": 1 << 40}, "E_NOTFOUND")
        equal(m.read({"task": 1, "field": "comm"}).rstrip(b"\0"), b"init")
        m.refuses({**at, "task": 99999}, "E_NOTFOUND")
        for op in "write_kernel_hot", "write_kernel_cold":
            m.refuses(None, "E_UNSUPPORTED", op=op, entries=[{"at": "state.flag", "value": 1}])
        for op, more in ("watch_snapshot", {"symbol": "mark"}), ("freeze", {"cgroup": "/"}):
            equal(c.refusal(op, more).code, "E_UNSUPPORTED", op)
    for target in "core:" + p.core, p.target:  # not the task of this host that has the number
        equal(ksnap("read", "--target", target, "--task", "2", "comm").stdout.strip(), b'"kthreadd"')


@test("memory of a guest, by symbol, while it runs and while it stands still")
def _(p):
    with Broker(p.target, args=["--allow-writes"]) as b, Client(b.ipc) as c:
        m = Memory(c, p.target)
        for op in "read_kernel_hot", "read_kernel_cold":
            read_all(p, m, op)
        equal(p.guest.status(), "running")
        first = m.read("jiffies_64", 8)
        guest.until("the guest's clock goes on", lambda: m.read("jiffies_64", 8) != first)
        cold = c.call("read_kernel_cold", {"tag": "k", "target": p.target, "entries": [
            {"at": "jiffies_64", "width": 8}] * 64})["values"]
        equal(len(set(cold)), 1, "jiffies while the guest stands still")
        equal(p.guest.status(), "running")


@test("what is written into a guest the program in it sees")
def _(p):
    with Broker(p.target, args=["--allow-writes"]) as b, Client(b.ipc) as c:
        m = Memory(c, p.target)
        before = p.seen("flag")
        m.write(("inside.bss:state.flag", 1))
        p.await_seen(before + 10)
        m.write(("state.flag", 0), ("state.trail[1]", 0x1122334455667788), ("state.trail[2]", b"8 bytes."),
                ("tasks[7].comm", b"written", {"bytes": 7}), op="write_kernel_cold")
        m.write(("state.trail[1]", {"or": 0xff00000000000000}), op="write_kernel_cold")
        equal(p.guest.status(), "running")
        for op in "write_kernel_hot", "write_kernel_cold":
            for at, value, more in (("tasks[7].comm", b"x" * 17, {}), ("state.flag", b"x" * 12, {}),
                                    ("state.flag", 1, {"width": 8}), ("state.flag", b"x" * 5, {"width": {"bytes": 5}})):
                said = m.refuses(None, "E_ARG", op=op, entries=[{"at": at, "value": value, **more}])
                equal("too many" in said, True, said)
        equal(m.read("state.trail[1]"), 0xff22334455667788)
        p.inside = p.guest.maps()
        trail = next(x for x in p.inside.values() if x.name == "inside.bss").entries[0][1][16:]
        equal(trail[8:24], (0xff22334455667788).to_bytes(8, "little") + b"8 bytes.")
        c.call("capture_snapshot", {"tag": "t0"})
        compare(report.load(c.part("get", {"tag": "t0"}).blobs[0]), p.inside)
        for entry, code in [({"at": "state.flag", "value": 1 << 40}, "E_ARG"),
                            ({"at": "tasks[25].nice", "value": 1}, "E_UNSUPPORTED"),
                            ({"at": "tasks[7].comm", "value": 1}, "E_ARG"),
                            ({"at": "0xffff000000000000", "value": 1, "width": 8}, "E_TARGET")]:
            got = c.refusal("write_kernel_hot", {"tag": "w", "target": p.target, "entries": [
                {"at": "state.trail[3]", "value": 7}, entry]})
            equal(got.code, code, f"{entry}: {got.msg}")
        equal(m.read("state.trail[3]"), 7, "what came before the entry that failed")
    p.inside = p.guest.maps()


def names_of(p):
    return {int(pid): name for _, pid, name in (line.split(" ", 2) for line in p.guest.ask("tasks"))}


@test("fields of a task and of a CPU, and bytes across pages, are written while the guest runs or stands still")
def _(p):
    at = p.addresses()["__log_buf"] + (1 << 16) - 100  # far behind what a quiet kernel has to say
    with Broker(p.target, args=["--allow-writes"]) as b, Client(b.ipc) as c:
        m = Memory(c, p.target)
        c.call("capture_snapshot", {"tag": "t0", "progs": True})
        init = next(t for t in report.load(c.part("get", {"tag": "t0"}).blobs[0])["tasks"] if t["tid"] == 1)
        comm = {"task": 1, "start_time": init["start_time"] // 10**7, "field": "comm"}
        idle = "per_cpu:runqueues@1.misfit_task_load"  # of which only machines with unlike CPUs take notice
        equal(m.read(idle), 0)
        for op in "hot", "cold":
            before = m.read(hex(at - 8), {"bytes": 16 + 8300})
            written = random.Random(op).randbytes(8300)
            m.write((hex(at), written, {"bytes": 8300}), (comm, op.encode() + b"\0", {"bytes": len(op) + 1}),
                    (idle, 77), op="write_kernel_" + op)
            for again in "read_kernel_hot", "read_kernel_cold":
                equal(m.read(hex(at - 8), {"bytes": 16 + 8300}, again), before[:8] + written + before[-8:])
                equal(m.read(idle, op=again), 77)
            equal(names_of(p)[1], op)
            m.write((idle, 0), (comm, b"init\0", {"bytes": 5}), op="write_kernel_" + op)
        equal(names_of(p)[1], "init")
        for late in {**comm, "start_time": comm["start_time"] + 1}, {**comm, "task": 99999}:
            m.refuses(None, "E_NOTFOUND", op="write_kernel_cold", entries=[{"at": late, "value": b"x", "width": {"bytes": 1}}])
        said = m.refuses(None, "E_ARG", op="write_kernel_hot", entries=[{"at": "state.flag", "value": {"or": 1}}])
        equal("cold" in said, True, said)
    equal(p.guest.status(), "running")


@test("a scenario freezes a guest, writes into its program, and sees it react")
def _(p):
    got = ksnap("run", "--allow-writes", "--target", p.target,
                os.environ["KSNAP_TOP_SRCDIR"] + "/lua/examples/guest/react.lua")
    if b"ok 1 - a program in a guest does what is written into its memory" not in got.stdout:
        raise AssertionError(got.stdout.decode() + got.stderr.decode())
    equal(p.seen("flag 0") > 0, True)
    p.inside = p.guest.maps()


# ---- watches -----------------------------------------------------------------------------------------

class Watching:
    """ksnap watch on the guest, once it is armed; its hits when it has ended."""

    def __init__(self, p, symbol, *args, target=None):
        self.process = subprocess.Popen([KSNAP, "watch", symbol, "--target", target or p.watched, "-o", "jsonl", *args],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        self.said = b""
        while line := guest.next_line(self.process.stderr):
            self.said += line
            if b"ksnap: watch " in line:
                return
        raise AssertionError(f"exit {self.process.wait()}: {self.said.decode()}")

    def hit(self):
        return json.loads(guest.next_line(self.process.stdout))

    def guards(self):
        """A descriptor for each child that disarms all when it is killed; readable when that has ended."""
        return [os.pidfd_open(pid) for pid in below(self.process.pid)]

    def end(self, signal=None, status=0):
        if signal:
            self.process.send_signal(signal)
        try:
            out, said = self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"the watch did not end: {self.process.communicate()}")
        if self.process.returncode != status:
            raise AssertionError(f"exit {self.process.returncode}, expected {status}: {said.decode()}")
        return [json.loads(line) for line in out.splitlines()], said.decode()


def require_ready(fd, otherwise):
    if not select.select([fd], [], [], guest.ANSWER_S)[0]:
        raise AssertionError(otherwise)
    os.close(fd)


def tune(p, name, value, cpu=""):
    """The pid of the process in the guest that wrote the setting."""
    word, pid, how = p.guest.ask(f"tune {name} {value} {cpu}")[0].split()
    equal((word, how), ("tuner", "wrote"))
    return int(pid)


@test("a watch on a variable of the guest's kernel tells who wrote to it")
def _(p):
    tune(p, "vm/swappiness", 60)
    w = Watching(p, "vm_swappiness", "--len", "4", "-n", "2")
    pids = [tune(p, "vm/swappiness", n) for n in (33, 44)]
    hits, _ = w.end()
    equal([(h["n"], h["old"], h["new"], h["pid"], h["tid"], h["comm"]) for h in hits],
          [(1, 60, 33, pids[0], pids[0], "tuner"), (2, 33, 44, pids[1], pids[1], "tuner")])
    for h in hits:
        equal(h["stack"][0]["addr"], h["regs"]["rip"])
        functions = [frame["sym"].split("+")[0] for frame in h["stack"]]
        if (not functions[0].startswith("do_proc_dointvec") or "proc_sys_call_handler" not in functions
                or "vfs_write" not in functions or not functions[-1].startswith("entry_SYSCALL") or h["cpu"] not in (0, 1)):
            raise AssertionError(h)
    equal(p.guest.status(), "running")


@test("a hit says whether its type has a sign, and a bit field needs a len")
def _(p):
    w = Watching(p, "state.below", "-n", "1", "--map", "notes")
    p.seen("flag 1")
    (h,), _ = w.end()
    p.seen("flag 0")
    equal((h["len"], h["is_signed"]), (4, True))
    less = (h["old"] - h["new"]) % 2**32  # both CPUs may have written before one was told
    equal(0 < less < 100, True, less)
    for more in ("--len", "1"), ("-o", "table"):
        w = Watching(p, "state.below", "-n", "1", "--map", "notes", *more)
        p.seen("flag 1")
        out = w.process.communicate(timeout=60)[0].decode()
        p.seen("flag 0")
        equal("is_signed" in out, False, "part of it has no sign")
        signs = [int(n) < 0 for n in re.findall(r"-?\d+(?= →)|(?<=→ )-?\d+", out)]
        equal(signs, [True, True] if "table" in more else [], out)
    got = ksnap("watch", "state.b", "--target", p.watched, status=2).stderr.decode()
    equal("bitfield; name a len" in got, True, got)
    Watching(p, "state.b", "--len", "1").end(signal.SIGINT)
    p.inside = p.guest.maps()


@test("arming a watch on a guest that others have stopped says so, and leaves it so")
def _(p):
    p.guest.qmp("stop")
    w = Watching(p, "state.nr_seen")
    note = guest.next_line(w.process.stderr).decode()
    equal("qemu says 'paused'" in note and "cont" in note, True, note)
    w.end(signal.SIGINT)
    with Broker(p.watched) as b, Client(b.ipc) as c:
        equal(c.call("watch_snapshot", {"symbol": "state.nr_seen"})["still"], "paused")
        equal(p.guest.status(), "paused")
        p.guest.qmp("cont")
        equal("still" in c.call("watch_snapshot", {"symbol": "state.flag"}), False)
        c.call("freeze", {"cgroup": "/"})
        equal(c.call("watch_snapshot", {"symbol": "state.below"})["still"], "frozen")
    p.guest.await_running()


@test("a guest that is frozen stands still while watches come and go")
def _(p):
    with Broker(p.watched) as b, Client(b.ipc) as c:
        c.call("freeze", {"cgroup": "/"})
        then = p.guest.qmp("human-monitor-command", **{"command-line": "info registers -a"})
        for symbol in "state.nr_seen", "state.below":
            c.call("watch_snapshot", {"symbol": symbol})
        c.call("unwatch", {"symbol": "state.below"})
        equal(p.guest.qmp("human-monitor-command", **{"command-line": "info registers -a"}) == then, True)
        c.call("thaw", {"cgroup": "/"})
    p.guest.await_running()
    p.inside = p.guest.maps()


@test("what is captured on a hit is the guest at that very moment")
def _(p):
    with Broker(p.watched) as b, Client(b.ipc) as c:
        w = c.call("watch_snapshot", {"symbol": "inside.bss:state.nr_seen", "rate": 1000, "burst": 1000, "max_hits": 20,
                                      "maps": ["inside.bss"], "progs": True, "tag": "seen", "each": True})
        equal((w["len"], w["slot"], w["tag"]), (8, 1, "seen"))
        p.seen("flag 1")
        guest.until("the watch is over", lambda: p.seen("flag") and not c.call("list_watches"))
        p.seen("flag 0")
        for n in range(1, 21):
            guest.until(f"hit {n} is captured", lambda: c.call("has", {"tag": f"seen#{n}"}))
            r = report.load(c.part("get", {"tag": f"seen#{n}"}).blobs[0])
            hit = r["hit"]
            equal((r["trigger"]["kind"], r["consistency"], hit["n"]), ("watch", "stopped", n))
            new = int.from_bytes(hit["new"], "little")
            equal(report.variables(r, "inside.bss")["state"]["nr_seen"], new)
            cpu = next(x for x in r["cpus"] if x["cpu"] == hit["cpu"])
            equal((cpu["regs"]["rip"], cpu["regs"]["rsp"]), (hit["regs"]["rip"], hit["regs"]["rsp"]))
            if not re.fullmatch(r"bpf_prog_[0-9a-f]{16}_see_switch\+0x[0-9a-f]+ \[bpf\]", hit["stack"][0]["sym"]):
                raise AssertionError(hit["stack"])
            equal([any(x["sym"].startswith(f) for x in hit["stack"]) for f in ("bpf_trace_run", "__schedule+")], [True, True])
            if hit["tid"] and not any(t["tid"] == hit["tid"] and t["comm"] == hit["comm"] for t in r["tasks"]):
                raise AssertionError(hit)
    equal(p.guest.status(), "running")
    p.inside = p.guest.maps()


def while_kept(client, what):
    """What that returns: who is silent for five seconds has no watches any more, and a busy machine takes long."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        done = pool.submit(what)
        while not done.done():
            client.call("ping")
            concurrent.futures.wait([done], 1)
        return done.result()


@test("hits beyond the rate are counted, and the guest goes on at once")
def _(p):
    before = p.seen("flag 0")
    w = Watching(p, "state.nr_seen", "--rate", "1", "--burst", "1", "--map", "notes", target=p.watched + ",hot=100")
    p.seen("flag 1")
    p.await_seen(before + 60)
    p.seen("flag 0")
    writes = p.seen("flag 0") - before  # none is under way any more
    hits, said = w.end(signal.SIGINT)
    all_, shown, counted = map(int, re.search(r"(\d+) hits, (\d+) shown, (\d+) only counted", said).groups())
    equal((all_, len(hits)), (shown + counted, shown))
    # Writes of both CPUs at the same moment may be one stop.
    if not writes / 2 <= all_ <= writes or not counted:
        raise AssertionError((writes, said))
    p.inside = p.guest.maps()


def write_200(p):
    before = p.seen("flag 0")
    p.seen("flag 1")
    p.await_seen(before + 200)
    p.seen("flag 0")
    return p.seen("flag 0") - before  # none is under way any more


@contextlib.contextmanager
def stopped_by_others(p):
    """Somebody else stops the guest and lets it go on, all the time."""
    done = threading.Event()

    def storm():
        while not done.is_set():
            p.guest.qmp("stop")
            p.guest.qmp("cont")

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        end = pool.submit(storm)
        try:
            yield
        finally:
            done.set()
        end.result()


def write_watched(p, names, rate, meanwhile=contextlib.nullcontext()):
    """Both CPUs write to one page while what has these names is watched: how many writes, and per name how many hits,
    and how many places were told. No hit has the place of another write, and no write is counted twice."""
    with Broker(p.watched + ",hot=100") as b, Client(b.ipc) as c:  # however long a busy machine takes for a hit
        for name in names:
            c.call("open_bridge", b=name)
            c.call("watch_snapshot", {"symbol": "state." + name, "rate": rate, "burst": max(1, rate // 10), "tag": name,
                                      "maps": ["notes"], "each": True}, b=name)
        with meanwhile:
            writes = while_kept(c, lambda: write_200(p))
        equal([e for name in names for e in c.call("drain_events", b=name) if e["k"] == "watch_disarmed"], [])
        ends = {name: c.call("unwatch", {"symbol": "state." + name}, b=name) for name in names}
        tags = {name: [row["tag"] for row in c.call("list", b=name) if row["tag"].startswith(name + "#")] for name in names}
        hits = {name: [report.load(c.part("get", {"tag": tag}, b=name).blobs[0])["hit"] for tag in tags[name]] for name in names}
    p.inside = p.guest.maps()
    told = []
    for name in names:
        print(f"# {name} of {len(names)}, {rate}/s: {ends[name]['hits']} of {writes} writes, {len(hits[name])} told")
        places = collections.Counter(h["regs"]["rip"] for h in hits[name])
        equal((len(places) <= 1, ends[name]["hits"] <= writes), (True, True), f"{name}, {rate}/s, {places}, {ends}")
        told.append(len(places))
    return writes, [ends[name]["hits"] for name in names], told


@test("two CPUs that write to one page at once: no hit has the place of another write, and each is counted when all are told")
def _(p):
    for names in ("nr_seen",), ("nr_seen", "also"):
        writes, hits, told = write_watched(p, names, 1000)
        equal((hits, told), ([writes] * len(names), [1] * len(names)))
    # In a faster row of them than is told, writes of both CPUs at the same moment may be one.
    writes, hits, told = write_watched(p, ("nr_seen", "also"), 20)
    equal((min(hits) >= writes / 2, told), (True, [1, 1]), f"{hits} of {writes}")


@test("two CPUs write to one page while others stop the guest: no hit has the place of another write, and none is counted twice")
def _(p):
    write_watched(p, ("nr_seen", "also"), 1000, stopped_by_others(p))
    equal(p.guest.status(), "running")


@test("a watch that costs the guest too much of its time ends by itself")
def _(p):
    w = Watching(p, "per_cpu:runqueues@0.clock", "--rate", "1", "--map", "notes")
    guest.until("the watch ends", lambda: p.seen("flag") and w.process.poll() is not None)
    _, said = w.end(status=1)
    if "the watch is over: hot" not in said:
        raise AssertionError(said)
    equal(p.guest.status(), "running")


@test("a watch on an element ends when that is deleted")
def _(p):
    w = Watching(p, "tasks[98].weight", "--map", "notes")
    equal(p.guest.ask("drop 98"), ["drop 0"])
    _, said = w.end(status=1)
    if "the watch is over: element_gone" not in said:
        raise AssertionError(said)
    p.inside = p.guest.maps()


@test("captures, cold ops and stops between hits: every write is counted, and the guest goes on")
def _(p):
    before = p.seen("flag 0")
    with Broker(p.watched + ",hot=100") as b, Client(b.ipc) as c:  # however long a busy machine takes for a hit
        c.call("watch_snapshot", {"symbol": "state.nr_seen", "rate": 100, "maps": ["inside.bss"], "tag": "w"})
        while_kept(c, lambda: p.seen("flag 1"))
        for i in range(15):
            c.call("capture_snapshot", {"tag": f"t{i}", "maps": ["inside.bss"]})
            cold = c.call("read_kernel_cold", {"tag": "k", "entries": [{"at": "state.nr_seen"}] * 8})["values"]
            equal(len(set(cold)), 1, "while the guest stands still")
            c.call("freeze", {"cgroup": "/"})
            equal(p.guest.status() == "running", False)
            c.call("thaw", {"cgroup": "/"})
            while_kept(c, lambda: p.seen("flag"))
        while_kept(c, lambda: p.seen("flag 0"))
        writes = while_kept(c, lambda: p.seen("flag 0")) - before
        equal([e for e in c.call("drain_events") if e["k"] == "watch_disarmed"], [])
        end = c.call("unwatch", {"symbol": "state.nr_seen"})
    if not writes / 2 <= end["hits"] <= writes:
        raise AssertionError((writes, end))
    print(f"# {writes} writes were {end['hits']} hits, {end['suppressed']} of them only counted")
    equal(p.guest.status(), "running")
    p.inside = p.guest.maps()


@test("what cannot be watched is refused, and the error names the reason")
def _(p):
    cases = [("vm_swappiness", p.target, "E_UNSUPPORTED", "gdb=SOCKET"),
             ("no_such_thing", p.watched, "E_NOTFOUND", "no_such_thing"),
             ("0x1000", p.watched, "E_ARG", "no address of the kernel"),
             ("0xffffff0000000000", p.watched, "E_ARG", "nothing is mapped"),
             ("tasks[7]", p.watched, "E_ARG", "name a member"),
             ("tasks[4000].pid", p.watched, "E_NOTFOUND", "tasks"),
             ("object:inside", p.watched, "E_ARG", "no memory"),
             ("vm_swappiness", f"{p.target},gdb={p.dir}/none", "E_TARGET", "no gdbstub answers"),
             ("vm_swappiness", f"{p.target},gdb=localhost:none", "E_ARG", "host:port"),
             ("vm_swappiness", f"{p.target},gdb={p.dir}/{'x' * 110}", "E_ARG", "at most")]
    for symbol, target, code, says in cases:
        got = ksnap("watch", symbol, "--target", target, status=2 if code == "E_ARG" else 1).stderr.decode()
        if code not in got or says not in got:
            raise AssertionError(f"{symbol} on {target}: {got!r} does not say {code} and {says!r}")
    with Broker(p.watched) as b, Client(b.ipc) as c:
        for i in range(4):
            c.call("open_bridge", b=f"b{i}")
            c.call("watch_snapshot", {"symbol": "vm_swappiness", "len": 4}, b=f"b{i}")
        got = c.refusal("watch_snapshot", {"symbol": "vm_swappiness"})
        equal(got.code, "E_LIMIT", got.msg)
    equal(p.guest.status(), "running")


class Debugger:
    """Somebody else at qemu's stub; the guest runs."""

    def __init__(self, p):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(guest.ANSWER_S)
        self.socket.connect(p.guest.gdb_path)
        self.socket.sendall(b"$?#3f")
        guest.until("the stub answers", lambda: b"T05" in self.socket.recv(4096))
        self.go_on(p)

    def go_on(self, p):
        self.socket.sendall(b"+$c#63")
        p.guest.await_running()

    def arm(self, p, at, size):
        """Writes to what is there stop the guest until it is disarmed."""
        text = b"Z2,%x,%x" % (at, size)
        self.socket.sendall(b"\3")
        guest.until("the guest is stopped", lambda: b"T02" in self.socket.recv(4096))
        self.socket.sendall(b"+$%s#%02x" % (text, sum(text) & 255))
        guest.until("the stub has armed it", lambda: b"$OK" in self.socket.recv(4096))
        self.go_on(p)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


@test("a stub that another debugger has is left to it, and the guest is not stopped for it")
def _(p):
    with Debugger(p):
        p.guest.events.clear()
        got = ksnap("watch", "vm_swappiness", "--target", p.watched, status=1).stderr.decode()
        if "E_BUSY" not in got or "another debugger has it" not in got:
            raise AssertionError(got)
        equal((p.guest.status(), "STOP" in p.guest.events), ("running", False))
    tune(p, "vm/swappiness", 60)  # qemu has found our connection meanwhile, and that we left
    w = Watching(p, "vm_swappiness", "--len", "4", "-n", "1")
    pid = tune(p, "vm/swappiness", 61)
    equal([(h["old"], h["new"], h["pid"]) for h in w.end()[0]], [(60, 61, pid)])


@test("writes behind another debugger: each is known once, and none told of the wrong writer")
def _(p):
    with Debugger(p):
        pass
    tune(p, "vm/swappiness", 60)
    with Broker(p.watched) as b, Client(b.ipc) as c:
        c.call("watch_snapshot", {"symbol": "vm_swappiness", "len": 4, "tag": "behind", "each": True})
        writers = {}
        for n in range(1, 9):
            writers[60 + n] = tune(p, "vm/swappiness", 60 + n)
            guest.until(f"write {n} is known", lambda: c.call("list_watches")[0]["hits"] == n)
        row = c.call("list_watches")[0]
        told = row["hits"] - row["suppressed"]
        equal((row["hits"], told >= 7), (8, True), row)
        for k in range(1, told + 1):
            guest.until(f"hit {k} is captured", lambda: c.call("has", {"tag": f"behind#{k}"}))
            hit = report.load(c.part("get", {"tag": f"behind#{k}"}).blobs[0])["hit"]
            new = int.from_bytes(hit["new"], "little")
            equal((int.from_bytes(hit["old"], "little"), hit["pid"]), (new - 1, writers[new]))


@test("writes while others stop the guest all the time: each is counted, and none told of the wrong writer")
def _(p):
    tune(p, "vm/swappiness", 1)
    pids, values = {}, list(range(2, 22))
    with Broker(p.watched + ",hot=100") as b, Client(b.ipc) as c:
        c.call("watch_snapshot", {"symbol": "vm_swappiness", "len": 4, "rate": 1000, "burst": 1000, "maps": ["notes"],
                                  "tag": "w", "each": True})
        writer = threading.Thread(target=lambda: pids.update((tune(p, "vm/swappiness", n), n) for n in values))
        writer.start()
        while writer.is_alive():
            p.guest.qmp("stop")
            c.call("read_kernel_cold", {"tag": "k", "entries": [{"at": "jiffies_64", "width": 8}]})  # and looks
            p.guest.qmp("cont")
        guest.await_end(writer)
        equal([e for e in c.call("drain_events") if e["k"] == "watch_disarmed"], [])
        end = c.call("unwatch", {"symbol": "vm_swappiness"})
        told = [report.load(c.part("get", {"tag": row["tag"]}).blobs[0])["hit"] for row in c.call("list")
                if row["tag"].startswith("w#")]
    for h in told:
        old, new = (int.from_bytes(h[key], "little") for key in ("old", "new"))
        equal((old, pids[h["pid"]]), (new - 1, new))
    equal((end["hits"], end["suppressed"]), (len(values), len(values) - len(told)))
    print(f"# {len(values)} writes were {len(told)} hits that were told, and {end['suppressed']} only counted")
    equal(p.guest.status(), "running")


@test("a guest that others stopped before a freeze, and let go on, is not left standing by an unwatch")
def _(p):
    with Broker(p.watched) as b, Client(b.ipc) as c:
        c.call("watch_snapshot", {"symbol": "vm_swappiness", "len": 4, "tag": "w"})
        p.guest.qmp("stop")
        c.call("freeze", {"cgroup": "/"})
        p.guest.qmp("cont")
        c.call("unwatch", {"symbol": "vm_swappiness"})
    p.guest.await_running()
    tune(p, "vm/swappiness", 60)


@test("a guest goes on, unwatched, when who watched it is killed")
def _(p):
    for rate in "1", "1000":
        for _ in range(3):
            w = Watching(p, "state.nr_seen", "--rate", rate)
            p.seen("flag 1")
            w.hit()
            w.end(signal.SIGKILL, -signal.SIGKILL)
            p.guest.await_running()
            before = p.seen("flag")
            p.await_seen(before + 30)
            p.seen("flag 0")
    equal(p.guest.status(), "running")
    p.inside = p.guest.maps()


@test("no CPU watches any more when who watched it is killed")
def _(p):
    for cpu in 0, 1:
        w = Watching(p, "vm_swappiness", "--len", "4")
        tune(p, "vm/swappiness", 61, cpu)
        w.hit()
        guards = w.guards()
        equal(len(guards) > 0, True)
        w.end(signal.SIGKILL, -signal.SIGKILL)
        for fd in guards:
            require_ready(fd, "the child that disarms is still there")
        for other in 0, 1:
            tune(p, "vm/swappiness", 60 + other, other)
        equal(p.guest.status(), "running")
    p.inside = p.guest.maps()


def replaced(pid, but=()):
    """The child of @pid that lets the guest go on, when it is none of @but."""
    found = []

    def look():
        found[:] = [x for x in below(pid) if x not in but and read(f"/proc/{x}/comm") == "ksnap-thaw"]
        return found

    guest.until("another child is there", look)
    return found[0]


def kill_child(pid):
    fd = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    require_ready(fd, "a child that was killed is still there")


@test("when the child that disarms is killed, another one does it; without another one the watch is over")
def _(p):
    w = Watching(p, "vm_swappiness", "--len", "4")
    child = replaced(w.process.pid)
    kill_child(child)
    guard = os.pidfd_open(replaced(w.process.pid, [child]))
    w.end(signal.SIGKILL, -signal.SIGKILL)
    require_ready(guard, "the other child is still there")
    for cpu in 0, 1:
        tune(p, "vm/swappiness", 62 + cpu, cpu)
        equal(p.guest.status(), "running")
    w = Watching(p, "vm_swappiness", "--len", "4")
    child = replaced(w.process.pid)
    resource.prlimit(w.process.pid, resource.RLIMIT_NOFILE, (12, 12))
    kill_child(child)
    _, said = w.end(status=1)
    equal("the watch is over: guard_lost" in said and "there is no other: " in said, True, said)
    tune(p, "vm/swappiness", 60)
    equal(p.guest.status(), "running")
    p.inside = p.guest.maps()


@test("when the child is killed that lets a frozen guest go on, another one does it; or it goes on at once")
def _(p):
    with frozen(p) as process:
        child = replaced(process.pid)
        kill_child(child)
        guard = os.pidfd_open(replaced(process.pid, [child]))
        equal(p.guest.status(), "paused")
        process.kill()
        require_ready(guard, "the other child is still there")
    p.guest.await_running()
    with frozen(p) as process:
        child = replaced(process.pid)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (12, 12))
        kill_child(child)
        p.guest.await_running()
        process.terminate()


@test("what a debugger that died has armed is forgotten, on each CPU")
def _(p):
    with Debugger(p) as d:
        d.arm(p, p.addresses()["vm_swappiness"], 4)
    w = Watching(p, "vm_swappiness", "--len", "4", "-n", "1")
    tune(p, "vm/swappiness", 61)
    w.end()
    for cpu in 0, 1:
        tune(p, "vm/swappiness", 62 + cpu, cpu)
        equal(p.guest.status(), "running")
    p.inside = p.guest.maps()


@test("a CPU that wakes up behind a watch does not stop the guest: when that has ended, and who watched was killed")
def _(p):
    def woken():
        return [sum(c["softirqs"]) for c in capture(p.target, "--progs", "--map", "notes")["cpus"]]

    for number, status in [(signal.SIGINT, 0), (signal.SIGKILL, -signal.SIGKILL)] * 3:
        w = Watching(p, "vm_swappiness", "--len", "4")
        w.end(number, status)
        p.guest.await_running()
        before = woken()
        guest.until("all CPUs wake up", lambda: p.seen("flag") and all(map(operator.lt, before, woken())))
        equal(p.guest.status(), "running")
    p.inside = p.guest.maps()


@test("a guest that is stopped and continued by others is watched on")
def _(p):
    tune(p, "vm/swappiness", 60)
    w = Watching(p, "vm_swappiness", "--len", "4", "-n", "3")
    for value in 10, 20, 30:
        p.guest.qmp("stop")
        equal(p.guest.status(), "paused")
        p.guest.qmp("cont")
        tune(p, "vm/swappiness", value)
    equal([h["new"] for h in w.end()[0]], [10, 20, 30])


@test("a scenario compares a map with what the program inside printed of it")
def _(p):
    p.run_program(5)
    p.inside = p.guest.maps()
    script = os.environ["KSNAP_TOP_SRCDIR"] + "/lua/examples/guest/compare.lua"
    for name in "levels", "notes":
        printed = [f"{k.hex()}:{v.hex()}" for k, v in p.inside[p.id_of(name)].entries]
        got = subprocess.run([KSNAP, "run", "--target", p.target, script, "--", name, *printed], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, timeout=120).stdout
        if b"ok 1 - a map is from outside what it is inside" not in got:
            raise AssertionError(got.decode())
        ksnap("run", "--target", p.target, script, "--", name, *printed[1:], status=1)
        broken = printed[0][:-1] + ("0" if printed[0][-1] != "0" else "1")
        ksnap("run", "--target", p.target, script, "--", name, broken, *printed[1:], status=1)
    equal(p.guest.status(), "running")


@test("a scenario catches the writer of a kernel variable")
def _(p):
    stop = threading.Event()

    def write():
        while not stop.is_set():
            for n in 10, 20:
                tune(p, "vm/swappiness", n)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        got = ksnap("run", "--target", p.watched, os.environ["KSNAP_TOP_SRCDIR"] + "/lua/examples/guest/writer.lua")
    finally:
        stop.set()
        guest.await_end(writer)
    if b"ok 1 - " not in got.stdout or b"tuner" not in got.stdout + got.stderr:
        raise AssertionError(got.stdout.decode() + got.stderr.decode())


@test("a watch ends when the guest is rebooted")
def _(p):
    w = Watching(p, "vm_swappiness")
    p.guest.qmp("system_reset")
    p.guest.await_ready()
    _, said = w.end(status=1)
    if "the watch is over: rebooted" not in said:
        raise AssertionError(said)
    p.inside = p.guest.maps()
    tune(p, "vm/swappiness", 60)
    equal(p.guest.status(), "running")


@test("a guest that was rebooted is found again")
def _(p):
    with Broker(p.target) as b, Client(b.ipc) as c:
        c.call("capture_snapshot", {"tag": "before"})
        p.guest.qmp("system_reset")
        p.guest.await_ready()
        again = p.guest.maps()
        c.call("capture_snapshot", {"tag": "after"})
        compare(report.load(c.part("get", {"tag": "after"}).blobs[0]), again)
    equal(p.guest.status(), "running")


@test("a guest that does not stop: periodic captures leave placeholders, and two in a row are told")
def _(p):
    with Broker(p.target) as b, Client(b.ipc) as c:
        c.call("capture_snapshot", {"tag": "periodic_000", "boundary_ms": 0})
        os.kill(p.guest.process.pid, signal.SIGSTOP)
        try:
            for i in 1, 2:
                got = c.refusal("capture_snapshot", {"tag": f"periodic_00{i}", "boundary_ms": i})
                equal(got.code, "E_TIMEOUT", got.msg)
        finally:
            os.kill(p.guest.process.pid, signal.SIGCONT)
        c.call("capture_snapshot", {"tag": "periodic_003", "boundary_ms": 3})
        equal([r["placeholder"] for r in c.call("list")], [False, True, True, False])
        r = report.load(c.part("get", {"tag": "periodic_002"}).blobs[0])
        equal((r["maps"], r["reasons"][0]["code"], r["trigger"]["kind"]), ([], "capture_failed", "periodic"))
        told = [e for e in c.call("drain_events") if e["k"] == "periodic_abandoned"]
        equal([(e["tag"], e["timeouts"]) for e in told], [("periodic_002", 2)])
    equal(p.guest.status(), "running")


@test("a qemu that is gone is an error; another machine in its place is found: no KASLR, five levels of page tables")
def _(p):
    with Broker(p.target) as b, Client(b.ipc) as c:
        c.call("capture_snapshot", {"tag": "before"})
        p.guest.__exit__()
        for op in {"op": "capture_snapshot", "p": {"tag": "x"}}, {"op": "read_kernel_hot", "p": {"tag": "k", "at": "mark"}}:
            equal(c.refusal(**op).code, "E_TARGET")
        os.unlink(p.guest.memory)
        with guest.Guest(p.kernel, p.dir, append="nokaslr", cpu="qemu64,+la57") as again:
            c.call("capture_snapshot", {"tag": "after"})
            compare(report.load(c.part("get", {"tag": "after"}).blobs[0]), again.maps())
            equal(again.status(), "running")


@test("a watch ends when qemu does")
def _(p):
    with guest.Guest(p.kernel, p.dir) as g:
        w = Watching(p, "vm_swappiness")
        g.process.kill()
        _, said = w.end(status=1)
    if "the watch is over: gdb_lost" not in said:
        raise AssertionError(said)


def main():
    try:
        kernel = guest.kernel()
    except guest.Missing as e:
        return guest.lack(str(e))
    folder = tempfile.mkdtemp(prefix="ksnap-guest-", dir=os.environ["KSNAP_TOP_BUILDDIR"] + "/tests/guest")
    try:
        os.chdir(folder)  # sockets have short names then
        with guest.Guest(kernel, ".") as g:
            return run(Place(g, ".", kernel))
    finally:
        os.chdir("/")
        shutil.rmtree(folder)


sys.exit(main())
