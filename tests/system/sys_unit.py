# SPDX-License-Identifier: MIT
"""The system calls that a systemd unit lets its program make, without systemd's own process.

    sys_unit.py rules UNIT FILE          SystemCallFilter= and the switches that refuse calls, as a filter
    sys_unit.py under FILE COMMAND...    the command with that filter

The groups come from `systemd-analyze syscall-filter`, numbers of calls from the headers of the compiler $CC.
A call that SystemCallFilter= does not name kills, as with systemd; what a Protect switch refuses gives EPERM."""
import ctypes
import errno
import os
import re
import shlex
import struct
import subprocess
import sys

SWITCHES = {"ProtectClock": ["@clock"], "ProtectKernelModules": ["@module"], "ProtectKernelLogs": ["syslog"],
            "ProtectHostname": ["sethostname", "setdomainname"]}
ALLOW, KILL, REFUSE = 0x7fff0000, 0x80000000, 0x00050000 | errno.EPERM
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38


def expand(names):
    """The calls in @names, groups and their groups opened."""
    calls = set()
    for name in names:
        if not name.startswith("@"):
            calls.add(name)
            continue
        said = subprocess.run(["systemd-analyze", "syscall-filter", name], check=True, capture_output=True, text=True).stdout
        calls |= expand([line.strip() for line in said.splitlines()[1:] if line.strip() and line.strip()[0] != "#"])
    return calls


def numbers():
    said = subprocess.run([*shlex.split(os.environ.get("CC") or "cc"), "-E", "-dM", "-include", "asm/unistd.h", "-x", "c",
                           "/dev/null"], check=True, capture_output=True, text=True).stdout
    defined = dict(re.findall(r"^#define (__NR\w*) (\w+)$", said, re.MULTILINE))
    found = {}
    for name, value in defined.items():
        value = defined.get(value, value)  # some architectures name a number of the common list
        if name.startswith("__NR_") and value.isdigit():
            found[name[len("__NR_"):]] = int(value)
    return found


def rules(unit):
    """(the calls that are allowed, or None for all of them; the calls that give EPERM)"""
    allowed, refused = None, set()
    for line in open(unit):
        key, _, value = line.strip().partition("=")
        if key == "SystemCallFilter":
            calls = expand(value.lstrip("~").split())
            if allowed is None:
                if value.startswith("~"):
                    raise ValueError("a list of what is refused alone is not known here")
                allowed = expand(["@default"])
            allowed = allowed - calls if value.startswith("~") else allowed | calls
        elif key in SWITCHES and value == "yes":
            refused |= expand(SWITCHES[key])
    return allowed, refused


def code(unit):
    allowed, refused = rules(unit)
    number, out = numbers(), [(LOAD, 0, 0, 0)]
    for calls, answer in (refused, REFUSE), (allowed or (), ALLOW):
        for n in sorted(number[call] for call in calls if call in number):
            out += [(EQUAL, 0, 1, n), (RETURN, 0, 0, answer)]
    out.append((RETURN, 0, 0, ALLOW if allowed is None else KILL))
    return b"".join(struct.pack("HBBI", *row) for row in out)


def under(rows, command):
    text = ctypes.create_string_buffer(rows)
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(rows) // 8, ctypes.addressof(text)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, 2, program, 0, 0):
        raise OSError(ctypes.get_errno(), "no filter of system calls")
    os.execv(command[0], command)


if __name__ == "__main__":
    if sys.argv[1] == "rules":
        with open(sys.argv[3], "wb") as file:
            file.write(code(sys.argv[2]))
    else:
        under(open(sys.argv[2], "rb").read(), sys.argv[3:])
