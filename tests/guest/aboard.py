# SPDX-License-Identifier: MIT
"""A guest with ksnap in it: the program that was built, a shell, and the libraries of both.

    with Aboard(kernel, folder, {"x.lua": b"..."}) as g:
        g.sh("ksnap capture t0")           # what it prints; fails when that fails
"""
import os
import shutil
import stat
import subprocess

import guest

PROGRAMS = "bash", "cat", "mkdir", "mkfifo", "mount", "rm", "stty", "taskset"
END = "=== end"

# Process 1. `armed WORDS` starts ksnap watch and returns when it is armed, `over` waits for its end and
# prints what it printed and said. Each line that comes on the second serial port is run.
INIT = r"""#!/bin/bash
export PATH=/bin HOME=/ TERM=dumb
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
mount -t cgroup2 none /sys/fs/cgroup
stty raw -echo </dev/ttyS1
exec 3<>/dev/ttyS1
armed() {
	local line
	rm -f /said
	mkfifo /said
	ksnap watch "$@" >/hits 2>/said 3>&- &
	watcher=$!
	exec {said}</said
	while IFS= read -r -t 60 -u "$said" line; do
		echo "$line"
		[[ $line == "ksnap: watch "* ]] && return 0
	done
	return 1
}
over() {
	wait $watcher
	local status=$?
	cat /hits
	cat <&"$said"
	exec {said}<&-
	return $status
}
echo 'guest ready' >/dev/console
while IFS= read -r line <&3; do
	eval "$line" >&3 2>&3
	echo "=== end $?" >&3
done
"""


def libraries(program):
    """Paths of all that the dynamic linker would load, and of itself."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    for words in map(str.split, said.splitlines()):
        path = words[2] if "=>" in words else words[0]
        if path.startswith("/"):
            yield path


def collect(files):
    """{path without its first slash: contents} of everything in the guest."""
    all = {"init": INIT.encode(), **files}
    programs = {name: shutil.which(name) for name in PROGRAMS}
    programs["ksnap"] = os.environ["KSNAP"]
    for name, path in programs.items():
        if not path:
            raise guest.Missing(f"there is no {name} to put into the guest")
        for library in libraries(path):
            all[library.lstrip("/")] = library
        all["bin/" + name] = path
    return all


def contents(source):
    if isinstance(source, bytes):
        return source
    with open(source, "rb") as f:
        return f.read()


def write_archive(path, files):
    folders = {"dev", "proc", "sys", "run", "tmp"}
    for name in files:
        while "/" in name:
            name = os.path.dirname(name)
            folders.add(name)
    with open(path, "wb") as out:
        for name in sorted(folders):
            out.write(guest.entry(name, stat.S_IFDIR | 0o755))
        out.write(guest.entry("dev/console", stat.S_IFCHR | 0o600, rdev=(5, 1)))
        for name, source in files.items():
            out.write(guest.entry(name, stat.S_IFREG | 0o755, contents(source)))
        out.write(guest.entry("TRAILER!!!", 0))


class Aboard(guest.Guest):
    def __init__(self, image, folder, files):
        self.files = collect(files)
        super().__init__(image, folder, initrd=lambda path: write_archive(path, self.files))

    def sh(self, line, status=0):
        """Run it in the shell of process 1; what it printed."""
        self.port.write(line)
        said = []
        while not (got := self.port.read()).startswith(END):
            said.append(got)
        text = "\n".join(said)
        if status is not None and int(got.split()[-1]) != status:
            raise AssertionError(f"{line}: exit {got.split()[-1]}, expected {status}:\n{text}")
        return text
