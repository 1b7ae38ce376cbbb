#!/bin/bash
# SPDX-License-Identifier: MIT
# limit.sh - a test that never ends is ended, says what it waited for, and leaves no process behind.
set -u
limit=$KSNAP_TOP_BUILDDIR/tests/limit
dir=$(mktemp -d "${TMPDIR:-/tmp}/ksnap-limit.XXXXXX") || exit 99
trap 'rm -rf "$dir"' EXIT
mkfifo "$dir/never"
n=0 failed=0

verdict() { # verdict NAME COMMAND...
	local name=$1
	n=$((n + 1))
	shift
	if "$@"; then
		echo "ok $n - $name"
	else
		failed=1
		printf 'not ok %d - %s\n# exit %s\n' $n "$name" "$status"
		sed 's/^/# /' "$dir/out"
	fi
}

run() { # run SECONDS COMMAND...: what make check does with a test
	KSNAP_TEST_LIMIT_S=$1 "$limit" "${@:2}" >"$dir/out" 2>&1 <>"$dir/never"
	status=$?
}

ended() { # ended STATUS WORDS...: each is in a line
	local words
	[ "$status" = "$1" ] || return 1
	for words in "${@:2}"; do grep -qF -- "$words" "$dir/out" || return 1; done
}

# And the process that wrote down its number is no more.
is_gone() {
	ended "$@" && ! grep -qs "^State:.[^Z]" "/proc/$(<"$dir/pid")/status"
}

cat >"$dir/hangs" <<END
sh -c 'echo \$\$ >"$dir/pid"; exec cat' <&0 &
wait
END
run 1 bash "$dir/hangs"
verdict "a program that does not end" is_gone 99 "hangs has not ended within 1 s" "process $(<"$dir/pid"): cat" \
	"system call" "Bail out! $dir/hangs has not ended within 1 s"
cat >"$dir/deaf" <<END
trap '' TERM
setsid sh -c 'echo \$\$ >"$dir/pid"; read line' <&0 &
wait
END
run 1 bash "$dir/deaf"
verdict "one that wants to live on, as does what it began" is_gone 99 "Bail out! $dir/deaf"
run 100 sh -c 'exit 77'
verdict "an exit code goes through" ended 77
run 0 sh -c 'kill -9 $$'
verdict "a signal goes through" ended 137
run 1s true
verdict "a limit that is no number is refused" ended 99 "Bail out!" "from 0 to 2000000, not '1s'"
run 100 "$dir/none"
verdict "a program that is not there" ended 99 "$dir/none: No such file"

cat >"$dir/two.py" <<END
import subprocess
import sys
import threading

sys.path.insert(0, "$KSNAP_TOP_SRCDIR/tests/interop")
from tap import run, test


@test("waits for a child")
def _():
    child = subprocess.Popen(["cat"], stdout=subprocess.PIPE)
    with open("$dir/pid", "w") as f:
        f.write(str(child.pid))
    try:
        child.stdout.read()
    except Exception:
        pass


@test("goes on")
def _():
    pass


@test("waits for a lock")
def _():
    threading.Event().wait()


@test("is not begun")
def _():
    pass


sys.exit(run())
END
if [ -n "${PYTHON3:-}" ]; then
	run 3 "$PYTHON3" "$dir/two.py"
	verdict "a test in Python that does not end" is_gone 1 "not ok 1 - waits for a child" "not over within 1 s" \
		'two.py", line 15 in _' "process $(<"$dir/pid"): cat" "broken off after 1 s"
	verdict "the next one goes on" ended 1 "ok 2 - goes on"
	verdict "the second that does not end is the last" ended 1 "not ok 3 - waits for a lock" "Bail out! a second test"
fi
echo "1..$n"
exit $failed
