# SPDX-License-Identifier: MIT
"""The rules of SECURITY.md that are about what a broker and a worker do by themselves, whoever is in: each meets
somebody who tries to break it. Who gets in is in test_security.py."""
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

import reports
from bus import Client, Live, pack
from keys import Keys
from serve import Broker
from tap import equal, require, run, test
from zmtp import Peer

KSNAP, BUILD = os.environ["KSNAP"], os.environ["KSNAP_TOP_BUILDDIR"]
SANITIZED = os.environ.get("SANITIZER", "no") != "no"
MIB = 1 << 20
WAIT_S = 60

# What each right opens beside what those below it do, from the documents: reading any address takes `watch`, writing
# and holding still `write`, a program in the kernel `admin`.
OPENS = {
    "capture": {"capture_cgroup_procs", "capture_snapshot", "drain", "drain_cgroup_procs", "drain_events", "drain_kernel_ops",
                "open_bridge", "store_snapshot"},
    "watch": {"read_kernel_cold", "read_kernel_hot", "unwatch", "watch_snapshot"},
    "write": {"freeze", "thaw", "write_kernel_cold", "write_kernel_hot"},
    "admin": {"attach_object", "close_bridge", "detach_object", "replace_object"},
}

# Numbers of the capabilities that SECURITY.md names: DAC_OVERRIDE, DAC_READ_SEARCH, NET_ADMIN, IPC_LOCK, SYS_PTRACE,
# SYS_ADMIN, SYS_RESOURCE, SYSLOG, PERFMON, BPF.
KEPT = {"live": (1, 2, 12, 14, 19, 21, 24, 34, 38, 39), "fixture": (1,)}


# What a scenario tries, each by itself; what it reaches it tells.
ESCAPES = r"""local ksnap = require "ksnap"
local canary, ran = arg[1], arg[2]
local function try(name, fn)
  local ok, got = pcall(fn)
  print(ok and got and "reached " .. name or "not " .. name)
end
try("io", function() return io.open(canary) end)
try("os.execute", function() return os.execute("touch " .. ran) end)
try("os.remove", function() return os.remove(canary) end)
try("os.rename", function() return os.rename(canary, ran) end)
try("os.getenv", function() return os.getenv "PATH" end)
try("debug.getregistry", function() return debug.getregistry() end)
try("debug.sethook", function() return debug.sethook end)
try("package.loadlib", function() return package.loadlib(canary, "*") end)
try("dofile", function() return dofile(canary) end)
try("loadfile", function() return loadfile(canary) end)
try("a compiled chunk", function() return load("\27Lua" .. ("x"):rep(100), "x", "b") end)
try("a chunk of any kind", function() return load("\27LuaT", "x", "bt") end)
try("string.dump", function() return string.dump(function() end) end)
try("a finalizer", function() return setmetatable({}, { __gc = function() end }) end)
try("a C module", function() return require "native" end)
try("a compiled module", function() return require "compiled" end)
try("a module above", function() return require "..canary" end)
try("a module by its path", function() return require(canary) end)
try("a text module beside it", function() return require "beside" end)
"""

STRAY = r"""local ksnap = require "ksnap"
local leave = [[setsid sh -c 'echo $$ >"$0.new"; mv "$0.new" "$0"; exec sleep 3600' "$0" & wait]]
return ksnap.scenario { name = "stray", ksnap.step { ksnap.op.spawn { "sh", "-c", leave, arg[1] },
  function() (("a"):rep(30)):find(("a?"):rep(30) .. ("a"):rep(30)) end } }
"""


def wait_for(what, otherwise):
    deadline = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < deadline, otherwise


@test("what each right opens is what the documents say, and everything else only looks")
def rights(_):
    with Broker() as b, b.client() as c:
        told = {}
        for op in c.call("describe")["ops"]:
            told.setdefault(op["right"], set()).add(op["name"])
        looks = told.pop("observe")
        equal(told, OPENS)
        assert not looks & set.union(*OPENS.values()) and "status" in looks, looks


@test("a socket is never there with wider permissions than at the end, not even for an instant")
def instants(_):
    require("filter", not SANITIZED, "a sanitizer wants to be loaded first")
    import grp
    group = grp.getgrgid(os.getgid()).gr_name
    for args, most in ((), 0o600), (("--group", group), 0o660):
        with tempfile.TemporaryDirectory() as dir:
            seen = f"{dir}/seen"
            umask = os.umask(0)
            b = Broker(args=args, env={"LD_PRELOAD": f"{BUILD}/tests/interop/look_at_binds.so", "KSNAP_SEEN_MODES": seen})
            os.umask(umask)
            with b:
                with open(seen) as f:
                    modes = [(int(mode, 8), path) for mode, path in (line.split() for line in f)]
                seen_at = {os.path.basename(path) for _, path in modes}
                assert seen_at >= {"control", "live", "work"}, f"not all binds were seen, so this proves nothing: {modes}"
                equal([(oct(mode), path) for mode, path in modes if mode & ~most], [], f"wider than {oct(most)}")


@test("a report is rendered by workers and readers, never by the broker")
def not_rendered(_):
    with Broker(args=("--workers", "none")) as b, b.client() as c:
        c.call("store_snapshot", {"tag": "t0"}, [reports.sized(1000)])
        equal(c.part("get", {"tag": "t0"}).blobs, [reports.sized(1000)])
        for p in {"as": "tree"}, {"as": "tree", "path": "map0[0]"}:
            refused = c.refusal("get", {"tag": "t0", **p}, t=200)
            assert refused.code in ("E_TIMEOUT", "E_NOTFOUND"), refused


@test("memory of the running kernel is written in values and globals of BPF maps alone, whoever asks")
def writes(_):
    require("root", os.geteuid() == 0, "reading the kernel takes root")
    with Broker("live", args=("--allow-writes",)) as b, b.client() as c:
        wait_for(lambda: c.call("status")["targets"][0]["workers"], "no worker joins")
        for at in "jiffies_64", "0xffffffff81000000", "per_cpu:runqueues@0.nr_running", "modprobe_path":
            refused = c.refusal("write_kernel_hot", {"tag": "t", "entries": [{"at": at, "value": 1, "width": 1}]})
            unknown = refused.code == "E_NOTFOUND" and not at.startswith("0x")  # a kernel may list functions only
            assert refused.code == "E_UNSUPPORTED" or unknown, f"{at}: {refused}"


@test("a secret key that others may read is not taken, and not told")
def loose_secret(_):
    keys = Keys()
    try:
        for mode in 0o640, 0o604, 0o660:
            os.chmod(keys.secret, mode)
            r = subprocess.run([KSNAP, "serve", "--bind", "tcp://127.0.0.1:*", "--curve-secret", keys.secret, "--authorised",
                                keys.file, "--workers", "none"], capture_output=True, text=True, timeout=WAIT_S)
            assert r.returncode != 0 and "chmod 600" in r.stderr, (oct(mode), r.stderr)
            with open(keys.secret) as f:
                assert f.read().split("secret ")[1].strip() not in r.stderr + r.stdout
    finally:
        keys.remove()


@test("a link in the folder of --state leads nowhere: what it points to is neither read, cut nor written")
def state_links(_):
    with tempfile.TemporaryDirectory() as dir:
        kept, target = f"{dir}/kept", f"{dir}/target"
        with Broker(args=("--state", kept)) as b, b.client() as c:
            c.call("store_snapshot", {"tag": "t0"}, [reports.sized(1000)])
        for name in os.listdir(kept):
            with open(f"{kept}/{name}", "rb") as f:
                was = f.read()
            with open(target, "wb") as f:
                f.write(was + b"more")
            os.rename(f"{kept}/{name}", f"{dir}/aside")
            os.symlink(target, f"{kept}/{name}")
            p = subprocess.Popen([KSNAP, "serve", "--bind", f"ipc://{dir}/control", "--workers", "none", "--state", kept],
                                 stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            line = p.stderr.readline()
            p.terminate()
            rest = p.communicate(timeout=WAIT_S)[1]
            refused = "serving" not in line and p.returncode != 0
            equal(refused, name != "reserve", f"{name}: {line}{rest}")  # it does without the room kept for a full disk
            with open(target, "rb") as f:
                equal(f.read() == was + b"more", True, f"{name}: {line}{rest}")
            os.unlink(f"{kept}/{name}")
            os.rename(f"{dir}/aside", f"{kept}/{name}")


def behind(b):
    with b.client() as c:
        s = c.call("status")
    return s["rss_bytes"], {row["what"]: row["n"] for row in s["dropped"]}


@test("a monitor that never reads is told less, and nobody else has to wait: MAX_BEHIND_BYTES")
def never_reads(_):
    size, n = 1 * MIB, 96
    with Broker(args=("--max-behind", str(8 * MIB))) as b, b.client() as c, Live(b.live, "report/") as reader:
        with Peer(b.live, ((b"Socket-Type", b"SUB"),)) as peer:
            peer.socket.sendall(peer.frame(b"\x01report/"))
            first, before = behind(b)
            report = reports.sized(size)
            got = 0
            for i in range(n):
                c.call("store_snapshot", {"tag": f"t{i % 4}"}, [report])
                while reader.socket.poll(0):
                    got += reader.socket.recv_multipart()[0].startswith(b"report/")
            rss, dropped = behind(b)
            grew = {what: m - before.get(what, 0) for what, m in dropped.items() if m > before.get(what, 0)}
            assert grew, f"nothing was dropped of {n * size >> 20} MiB that nobody read"
            assert rss - first < 64 * MIB or SANITIZED, f"it grew by {rss - first >> 20} MiB"
            assert got > 0, "who reads got nothing"
        c.call("ping")


@test("a flood of requests of one session does not keep another's waiting behind it")
def flood(_):
    with Broker() as b, Peer(b.ipc) as peer, b.client() as c:
        sent, asked = 0, {}
        request = b"".join(peer.frame(pack({"v": 1, "id": i, "op": "list"})) for i in range(2000))
        peer.socket.setblocking(False)
        while len(asked) < 50:
            try:  # as much as its connection takes
                sent += peer.socket.send(request[sent % len(request):])
            except BlockingIOError:
                pass
            asked[len(asked)] = c.call("ping")["mono"]
        assert sent > len(request), "no flood"


@test("code within a worker has none of the capabilities that captures do not take")
def capabilities(_):
    require("root", os.geteuid() == 0, "only root has some to lose")
    with Broker("live", "fixture:maps=1,entries=1") as b, b.client() as c:
        wait_for(lambda: len(c.call("status")["workers"]) == 2, "no workers join")
        for w in c.call("status")["workers"]:
            with open(f"/proc/{w['pid']}/status") as f:
                has = {k: v.strip() for k, v in (line.split(":", 1) for line in f)}
            most = sum(1 << cap for cap in KEPT[w["target"].split(":")[0]])
            for which in "CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb":
                equal(hex(int(has[which], 16) & ~most), "0x0", f"{which} of the worker of {w['target']}")
            equal((has["NoNewPrivs"], has["Seccomp"]), ("1", "2"), w["target"])


def run_scenario(path, *args, options=()):
    """Its exit status, and what it printed."""
    r = subprocess.run([KSNAP, "run", "--target", "fixture:maps=1,entries=1", *options, path, "--", *args], stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, timeout=WAIT_S)
    return r.returncode, r.stdout + r.stderr


@test("a scenario reaches no file, program, library, compiled code or debugger; a text file beside it only")
def sandbox(_):
    with tempfile.TemporaryDirectory() as dir:
        folder, canary, ran = f"{dir}/scripts", f"{dir}/canary", f"{dir}/ran"
        os.mkdir(folder)
        for path, text in ((canary, "return 'canary'"), (f"{folder}/beside.lua", "return 'beside'"), (f"{folder}/escapes.lua", ESCAPES),
                           (f"{folder}/compiled.lua", "\x1bLuaT" + "x" * 100)):
            with open(path, "w") as f:
                f.write(text)
        shutil.copy(f"{BUILD}/tests/interop/look_at_binds.so", f"{folder}/native.so")
        code, out = run_scenario(f"{folder}/escapes.lua", canary, ran)
        equal(code, 0, out)
        equal(out.count("# not "), ESCAPES.count("\ntry(") - 1, out)
        equal([line for line in out.splitlines() if "# reached" in line], ["# reached a text module beside it"])
        with open(canary) as f:
            equal(f.read(), "return 'canary'")
        equal(sorted(os.listdir(dir)), ["canary", "scripts"])


@test("a scenario has the memory and the time that it is given, and what it started in a session of its own ends with it")
def bounds(_):
    with tempfile.TemporaryDirectory() as dir:
        def write(text):
            with open(f"{dir}/s.lua", "w") as f:
                f.write(text)
            return f"{dir}/s.lua"
        code, out = run_scenario(write("local t = {} while true do t[#t + 1] = ('x'):rep(100000) .. #t end"), options=("--memory", "16"))
        assert code == 2 and "--memory" in out, (code, out)
        for text in ("while true do end", "while true do pcall(error) end", "local co = coroutine.wrap(function() while true do end end) co()"):
            code, out = run_scenario(write(text), options=("--deadline", "300", "--grace", "200"))
            assert code == 124 and "its deadline" in out, (text, code, out)
        stray = f"{dir}/stray"
        code, out = run_scenario(write(STRAY), stray, options=("--deadline", "3000", "--grace", "100"))
        assert code == 124 and "killed" in out, (code, out)
        with open(stray) as f:
            assert not os.path.exists(f"/proc/{f.read().strip()}"), "what it had started goes on"


def unit(name):
    """What a unit says, by key; a key that is there twice has both values."""
    said = {}
    with open(os.path.join(os.environ["KSNAP_TOP_SRCDIR"], "bridge", "dist", name)) as f:
        for line in f:
            key, is_pair, value = line.strip().partition("=")
            if is_pair and not key.startswith("#"):
                said[key] = f"{said[key]} {value}" if key in said else value
    return said


@test("the units give the broker no privilege and the worker no network, and let the worker keep what it keeps by itself")
def units(_):
    broker, worker = unit("ksnap.service.in"), unit("ksnap-worker.service.in")
    equal((broker["User"], broker["CapabilityBoundingSet"], broker["NoNewPrivileges"]), ("ksnap", "", "yes"))
    assert "--workers none" in broker["ExecStart"] and "--allow-writes" not in broker["ExecStart"] + worker["ExecStart"]
    equal((broker["RuntimeDirectoryMode"], broker["ProtectSystem"], broker["SystemCallFilter"]),
          ("0750", "strict", "@system-service ~@privileged @resources @chown sched_setscheduler"))
    equal((broker["LimitNOFILE"], worker["LimitNOFILE"]), ("2048", "16384"))
    equal((worker["PrivateNetwork"], worker["NoNewPrivileges"], worker["RestrictAddressFamilies"]),
          ("yes", "yes", "AF_UNIX AF_NETLINK"))
    assert "ipc://" in worker["ExecStart"] and "tcp://" not in worker["ExecStart"], worker["ExecStart"]
    names = {1: "DAC_OVERRIDE", 2: "DAC_READ_SEARCH", 12: "NET_ADMIN", 14: "IPC_LOCK", 19: "SYS_PTRACE", 21: "SYS_ADMIN",
             24: "SYS_RESOURCE", 34: "SYSLOG", 38: "PERFMON", 39: "BPF"}
    equal(set(worker["CapabilityBoundingSet"].split()), {f"CAP_{names[n]}" for n in KEPT["live"]})


if __name__ == "__main__":
    sys.exit(run(None))
