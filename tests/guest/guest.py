# SPDX-License-Identifier: MIT
"""A guest for tests: a kernel of Debian's under qemu without KVM, and nothing in it but inside.c.

    with Guest(kernel, folder) as g:       # booted and ready
        g.ask("show")                      # lines that the program inside answers
        g.qmp("stop")                      # what qemu answers
        g.dump(path)                       # an ELF core of its memory
"""
import contextlib
import ctypes
import fcntl
import glob
import json
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import time

from tap import comment

TOP = os.environ["KSNAP_TOP_BUILDDIR"]
BOOTS_S = 75, 200  # qemu 7.2 loses a wake-up or runs code that was patched, once in some hundred boots
ANSWER_S = 120
SILENT_S = 20  # of one that did not answer, and was pushed
MEMORY_MIB = 256
MACHINE = "pc,memory-backend=ram,max-ram-below-4g=128M"  # the rest is above 4 GiB, as in large guests


class Missing(Exception):
    """What this machine lacks for running guests."""


def lack(why):
    """Skip all, unless guests are required; the exit code."""
    if "guest" in os.environ.get("KSNAP_TEST_REQUIRE", "").split(","):
        print(f"Bail out! KSNAP_TEST_REQUIRE names guest, but {why}")
        return 1
    print(f"1..0 # SKIP {why}")
    return 0


# ---- the kernel -------------------------------------------------------------------------------

def run(*command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, **more)


def package_behind(meta):
    """The package with the kernel that @meta stands for today."""
    for line in run("apt-cache", "depends", meta).stdout.splitlines():
        if line.strip().startswith("Depends: linux-image-"):
            return line.split()[-1]
    raise Missing(f"apt knows no package {meta}")


def unpack(package, into):
    work = into + ".new"
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    got = run("apt-get", "download", package, cwd=work)
    debs = glob.glob(work + "/*.deb")
    if not debs:
        raise Missing(f"{package} cannot be downloaded: {got.stdout.strip().splitlines()[-1:]}")
    run("dpkg-deb", "-x", debs[0], work)
    kernels = glob.glob(work + "/boot/vmlinuz-*")
    if not kernels:
        raise Missing(f"{package} holds no kernel")
    shutil.copy(kernels[0], into + ".part")
    os.rename(into + ".part", into)
    shutil.rmtree(work)


def kernel(meta=os.environ.get("KSNAP_GUEST_PACKAGE") or "linux-image-cloud-amd64"):
    """The path of a kernel: $KSNAP_GUEST_KERNEL, or Debian's, kept in the build folder."""
    if not shutil.which("qemu-system-x86_64"):
        raise Missing("qemu-system-x86 is not installed")
    if os.environ.get("KSNAP_GUEST_KERNEL"):
        return os.environ["KSNAP_GUEST_KERNEL"]
    path = f"{TOP}/tests/guest/{meta}"
    if not os.path.exists(path):
        if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
            raise Missing("no Debian, and KSNAP_GUEST_KERNEL names no kernel")
        here = os.open(os.path.dirname(path), os.O_RDONLY)
        fcntl.flock(here, fcntl.LOCK_EX)  # another test may be at it
        if not os.path.exists(path):
            unpack(package_behind(meta), path)
        os.close(here)
    return path


# ---- the initramfs ----------------------------------------------------------------------------

def entry(name, mode, data=b"", rdev=(0, 0)):
    """One file of a cpio archive in the form "newc"."""
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, rdev[0], rdev[1], len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08X" % f for f in fields) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def initramfs(path):
    files = {"init": f"{TOP}/tests/guest/inside", "shapes.bpf.o": f"{TOP}/tests/bpf/shapes.bpf.o",
             "inside.bpf.o": f"{TOP}/tests/guest/inside.bpf.o", "mtcp.bpf.o": f"{TOP}/tests/bpf/mtcp.bpf.o",
             "links.bpf.o": f"{TOP}/tests/guest/links.bpf.o"}
    with open(path, "wb") as out:
        for folder in "dev", "proc", "sys":
            out.write(entry(folder, stat.S_IFDIR | 0o755))
        out.write(entry("dev/console", stat.S_IFCHR | 0o600, rdev=(5, 1)))
        for name, source in files.items():
            with open(source, "rb") as f:
                out.write(entry(name, stat.S_IFREG | 0o755, f.read()))
        out.write(entry("TRAILER!!!", 0))


# ---- waiting ----------------------------------------------------------------------------------

def until(what, holds, seconds=ANSWER_S):
    """Ask again and again; each time the guest or a broker has to answer."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {seconds} s: {what}")


def next_line(file, seconds=ANSWER_S):
    """Of a pipe without a buffer; b"": it has ended."""
    if not select.select([file], [], [], seconds)[0]:
        raise AssertionError(f"nothing was said for {seconds} s")
    return file.readline()


def await_end(thread, seconds=ANSWER_S):
    thread.join(seconds)
    if thread.is_alive():
        raise AssertionError(f"a thread has not ended within {seconds} s")


def await_exit(pid, seconds=ANSWER_S):
    """What os.wait4 tells of a child."""
    fd = os.pidfd_open(pid)
    ended = select.select([fd], [], [], seconds)[0]
    os.close(fd)
    if not ended:
        os.kill(pid, signal.SIGKILL)
        os.wait4(pid, 0)
        raise AssertionError(f"process {pid} has not ended within {seconds} s")
    return os.wait4(pid, 0)


# ---- the machine ------------------------------------------------------------------------------

class Lines:
    """Lines from and to a socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(ANSWER_S)
        self.socket.connect(path)
        self.come = b""

    def read(self, seconds=ANSWER_S):
        """TimeoutError: no whole line came within that; what came of it is kept."""
        self.socket.settimeout(seconds)
        while b"\n" not in self.come:
            got = self.socket.recv(65536)
            if not got:
                raise EOFError("qemu closed its socket")
            self.come += got
        line, _, self.come = self.come.partition(b"\n")
        return line.decode(errors="replace").rstrip("\r\n")

    def write(self, text):
        self.socket.sendall(text.encode() + b"\n")

    def close(self):
        self.socket.close()


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Guest:
    """Its sockets are made here, so that each takes connections before qemu runs."""

    CHARDEVS = "console", "port", "control", "qmp", "gdb"

    def __init__(self, image, folder, append=os.environ.get("KSNAP_GUEST_APPEND", ""), cpus=2,
                 cpu=os.environ.get("KSNAP_GUEST_CPU", "qemu64"), initrd=initramfs, extra=()):
        self.dir, self.memory = folder, folder + "/memory"
        self.qmp_path, self.gdb_path = folder + "/qmp", folder + "/gdb"
        initrd(folder + "/initramfs")
        for name in (*self.CHARDEVS, "memory"):
            if os.path.exists(f"{folder}/{name}"):
                os.unlink(f"{folder}/{name}")  # of a guest before, which may still run
        self.sockets = {}
        for name in self.CHARDEVS:
            self.sockets[name] = s = socket.socket(socket.AF_UNIX)
            s.bind(f"{folder}/{name}")
            s.listen(1)
        self.command = [
            "qemu-system-x86_64", "-S", "-accel", "tcg", "-machine", MACHINE, "-smp", str(cpus),
            "-m", str(MEMORY_MIB), "-object",
            f"memory-backend-file,id=ram,size={MEMORY_MIB}M,mem-path={self.memory},share=on",
            "-kernel", image, "-initrd", folder + "/initramfs", "-append", f"console=ttyS0 quiet panic=-1 lsm=bpf {append}",
            "-display", "none", "-nodefaults", "-no-user-config",
            "-cpu", cpu, "-serial", "chardev:console", "-serial", "chardev:port",
            "-mon", "chardev=control,mode=control", "-mon", "chardev=qmp,mode=control", "-gdb", "chardev:gdb", *extra]
        for name, s in self.sockets.items():
            self.command += ["-chardev", f"socket,id={name},fd={s.fileno()},server=on,wait=off"]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent,
                                        stderr=subprocess.DEVNULL,
                                        pass_fds=[s.fileno() for s in self.sockets.values()])
        for s in self.sockets.values():
            s.close()
        try:
            self.control = Lines(self.dir + "/control")
            self.events, self.times = [], []
            self.control.read()
            self.qmp("qmp_capabilities")
            self.console = Lines(self.dir + "/console")
            self.port = Lines(self.dir + "/port")
            self.qmp("cont")
            self.await_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def await_ready(self):
        """That it boots is up to qemu and the kernel: one that runs and does not is told, and reset. One that stands
        still was stopped by somebody, and that is a failure."""
        for seconds in BOOTS_S:
            try:
                return self.await_boot(seconds)
            except TimeoutError as e:
                state = f"not ready within {seconds} s, {self.state()}, the console: {e}"
                comment(state)
                if self.status() != "running":
                    break
                if self.got_ready_late():
                    return None
        raise RuntimeError(state)

    def got_ready_late(self):
        """It stands still, so that nothing more of this boot comes; then it goes on, from the beginning unless it was
        ready at last."""
        self.qmp("stop")
        is_ready = False
        with contextlib.suppress(TimeoutError):
            while True:
                is_ready |= "guest ready" in self.console.read(0.1)
        if not is_ready:
            self.qmp("system_reset")
        self.qmp("cont")
        return is_ready

    def await_boot(self, seconds):
        said, deadline = [], time.monotonic() + seconds
        try:
            while "guest ready" not in (line := self.console.read(max(deadline - time.monotonic(), 0.001))):
                said.append(line)
                if "guest failed" in line:
                    raise RuntimeError("\n".join(said[-30:]))
        except TimeoutError:
            raise TimeoutError("\n".join(said[-30:]))
        except (EOFError, OSError):
            raise RuntimeError("qemu is gone: " + "\n".join(said[-30:]))

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def note(self, got):
        self.events.append(got.get("event"))
        if got.get("event") in ("STOP", "RESUME"):
            self.times.append(got["timestamp"]["seconds"] + got["timestamp"]["microseconds"] / 1e6)

    def heard(self):
        """The next message of qemu that is no event."""
        while True:
            got = json.loads(self.control.read())
            if "event" not in got:
                return got
            self.note(got)

    def qmp(self, command, **arguments):
        self.control.write(json.dumps({"execute": command, "arguments": arguments}))
        got = self.heard()
        if "error" in got:
            raise RuntimeError(f"{command}: {got['error']}")
        return got["return"]

    def await_running(self):
        """qemu tells when the guest goes on, or told it already."""
        deadline = time.monotonic() + ANSWER_S
        while self.status() != "running":
            if time.monotonic() >= deadline:
                raise AssertionError(f"the guest does not go on within {ANSWER_S} s")
            if "RESUME" not in self.events:
                self.note(json.loads(self.control.read()))
            self.events.clear()

    def status(self):
        return self.qmp("query-status")["status"]

    def hear(self, asked):
        """The next line of the program inside. One that does not come is a failure, which tells what the CPUs
        do and whether a stop wakes them; the tests behind it can ask again."""
        try:
            return self.port.read()
        except TimeoutError:
            state = self.state()
        raise AssertionError(f"no answer to {asked!r} for {ANSWER_S} s, {state}; {self.push()}")

    def state(self):
        """What the machine does, and where each CPU is."""
        try:
            said = self.qmp("human-monitor-command", **{"command-line": "info registers -a"})
            told = [line.strip() for line in said.splitlines() if "CPU#" in line or "IP=" in line]
            return f"status {self.status()}, {told}"
        except (EOFError, OSError):
            return "qemu is gone"

    def push(self):
        """Stop it, let it go on, and read up to the end of what it answers then."""
        self.qmp("stop")
        self.qmp("cont")
        try:
            while self.port.read(SILENT_S) != "end":
                pass
        except TimeoutError:
            return "nor when it was stopped and went on"
        return "it answers since it was stopped and went on"

    def ask(self, words):
        self.port.write(words)
        lines = []
        while True:
            line = self.hear(words)
            if line == "end":
                return lines
            lines.append(line)

    def maps(self):
        """What the program inside sees in every map: {id: Seen}."""
        out = {}
        for line in self.ask("show"):
            word, *rest = line.split(" ")
            if word == "map":
                seen = out[int(rest[0])] = Seen(rest)
            elif word == "entry":
                seen.entries.append((bytes.fromhex(rest[0]), bytes.fromhex(rest[1])))
            elif word == "ring":
                seen.ring = int(rest[0]), int(rest[1])
        return out

    def dump(self, path):
        self.qmp("dump-guest-memory", paging=False, protocol="file:" + path)


class Seen:
    def __init__(self, words):
        self.id, self.name = int(words[0]), words[1]
        self.type, self.key_size, self.value_size, self.max_entries, self.flags = map(int, words[2:])
        self.entries, self.ring = [], None
