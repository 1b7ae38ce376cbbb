# SPDX-License-Identifier: MIT
"""ksnap repl on a terminal: prompts, completion, history, Ctrl-C. Waits for what it says, never for time."""
import os
import pty
import select
import signal
import sys
import tempfile

ksnap = os.environ["KSNAP"]
n = 0


def verdict(good, name, said=b""):
    global n
    n += 1
    print(f"{'ok' if good else 'not ok'} {n} - {name}", flush=True)
    if not good:
        print("# " + repr(said))
        print("Bail out! the terminal is not where it should be", flush=True)
        sys.exit(1)


class Terminal:
    def __init__(self, state, target="fixture:maps=1,entries=2"):
        self.said = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", XDG_STATE_HOME=state, XDG_RUNTIME_DIR=state)
            os.environ.pop("KSNAP_ENDPOINT", None)
            asan = os.environ.get("ASAN_OPTIONS")
            os.environ["ASAN_OPTIONS"] = (asan + ":" if asan else "") + "fast_unwind_on_malloc=0"  # to know whose a leak is
            os.environ["LSAN_OPTIONS"] = "print_suppressions=0:suppressions=" + os.path.join(os.environ["KSNAP_TOP_SRCDIR"], "tests/lsan.supp")
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs this may have been told to ignore it
            os.execv(ksnap, [ksnap, "repl", "--target", target])

    def type(self, text):
        os.write(self.fd, text.encode())

    def awaits(self, text, name=None):
        """Read until it says this; one test of its own when it has a name."""
        wanted = text.encode()
        while wanted not in self.said:
            ready, _, _ = select.select([self.fd], [], [], 30)
            chunk = b""
            if ready:
                try:
                    chunk = os.read(self.fd, 4096)
                except OSError:
                    pass
            if not chunk:
                verdict(False, name or f"says {text}", self.said)
            self.said += chunk
        self.said = self.said[self.said.index(wanted) + len(wanted):]
        if name:
            verdict(True, name)

    def ends(self):
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


if "#define HAVE_LIBEDIT 1" not in open(os.path.join(os.environ["KSNAP_TOP_BUILDDIR"], "config.h")).read():
    print("1..0 # SKIP built without libedit")
    sys.exit(0)

with tempfile.TemporaryDirectory() as state:
    t = Terminal(state)
    t.awaits("ksnap> ", "a prompt")
    t.type("op.capture_sn\t")
    t.awaits("apshot", "Tab completes the name of an op")
    t.type(" 't1'\n")
    t.awaits("complete = true", "an op by itself is issued")
    t.awaits("ksnap> ")
    t.type("ksnap.s\t\t")
    t.awaits("scenario")
    t.awaits("  step", "Tab lists names when there are several")
    t.type("\x03")
    t.awaits("^C")
    t.awaits("ksnap> ", "Ctrl-C gives up a line")
    for i in range(1000):  # the terminal forgets the Tab, which the other side may be about to read
        t.type("x\t")
        for _ in range(i * 37 % 400):
            pass
        t.type("\x03")
        t.awaits("^C")
        t.awaits("ksnap> ")
    verdict(True, "at any moment")
    t.type("for i = 1, 2 do\n")
    t.awaits("...> ", "a chunk goes on")
    t.type("print('line ' .. i) end\n")
    t.awaits("line 1\r\nline 2\r\n", "and runs at its end")
    t.awaits("ksnap> ")
    t.type("if true then\n")
    t.awaits("...> ")
    t.type("\x03")
    t.awaits("ksnap> ", "Ctrl-C gives up a chunk")
    t.type("print 'busy' while true do pcall(function() while true do end end) end\n")
    t.awaits("busy\r\n")
    t.type("\x03")
    t.awaits("interrupted", "Ctrl-C ends a loop under pcall")
    t.awaits("ksnap> ")
    t.type("print 'asleep' ksnap.sleep '3600s'\n")
    t.awaits("asleep\r\n")
    t.type("\x03")
    t.awaits("interrupted", "and a sleep")
    t.awaits("ksnap> ")
    t.type("kept = 41\n")
    t.awaits("ksnap> ")
    t.type("kept + 1, 'ä'\n")
    t.awaits('42\t"ä"', "the state is as it was, and letters are whole")
    t.awaits("ksnap> ")
    t.type("\x04")
    verdict(t.ends() == 0, "Ctrl-D leaves")

    t = Terminal(state)
    t.awaits("ksnap> ")
    t.type("\x1b[A\x1b[A")
    t.awaits("= 41", "lines are there the next time")
    t.type("\x03")
    t.awaits("ksnap> ")
    os.kill(t.pid, signal.SIGHUP)
    verdict(t.ends() == 128 + signal.SIGHUP, "a terminal that goes away ends it, in good order")

    t = Terminal(state, "fixture:latency_ms=3600000")
    t.awaits("ksnap> ")
    t.type("print 'asked' bridge:capture_snapshot { 't1', timeout = '50m' }\n")
    t.awaits("asked\r\n")
    t.type("\x03")
    t.awaits("interrupted", "Ctrl-C cuts an op short")
    t.awaits("ksnap> ")
    t.type("bridge:has 't1', bridge:ping().mono > 0\n")
    t.awaits("false\ttrue\r\n", "and the session goes on")
    t.awaits("ksnap> ")
    t.type("print 'again' assert(ksnap.run(function() ksnap.spawn(ksnap.sleep, '60m') bridge:capture_snapshot { 't2', timeout = '50m' } end))\n")
    t.awaits("again\r\n")
    t.type("\x03")
    t.awaits("interrupted", "one among tasks, too")
    t.awaits("ksnap> ")
    os.kill(t.pid, signal.SIGKILL)  # its worker is in the middle of an hour
    t.ends()
    mode = os.stat(os.path.join(state, "ksnap", "history")).st_mode
    verdict(mode & 0o077 == 0, "nobody else may read what was typed", oct(mode))
print(f"1..{n}")
