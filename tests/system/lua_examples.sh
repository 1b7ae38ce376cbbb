#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every example of lua/examples, on this kernel: it passes, and says what its readers want to see.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"

examples=$KSNAP_TOP_SRCDIR/lua/examples
built=$KSNAP_TOP_BUILDDIR/lua/examples
if [ "$(id -u)" != 0 ] || [ ! -r /sys/kernel/btf/vmlinux ] || [ ! -e "$built/load_probe.bpf.o" ]; then
	require bpf "needs root, a kernel with BTF and a compiler for BPF"
fi
export KSNAP_OBJECT_PATH=$built

example() { # example FILE REGEX WHAT
	exits 0 "$1 passes" "$KSNAP" run "$examples/$1"
	like "$out" "$2" "$3"
}

example first_capture.lua '# [0-9]+ context switches' 'counts switches'
example starving_task.lua '# starved lacks [0-9]+ %' 'names the task'
# The tests that need debug registers take turns.
exec {registers}>/run/lock/ksnap-tests-registers
flock $registers
run "$KSNAP" run "$examples/corrupted_counter.lua"
if [ "$status" != 0 ] && [[ $out == *E_UNSUPPORTED* ]] && [[ ,${KSNAP_TEST_REQUIRE:-}, != *,watch,* ]]; then
	skip "corrupted_counter.lua" "this machine gives no debug register"
else
	is "$status" 0 "corrupted_counter.lua passes"
	like "$out" '# 3 -> 0 by factor' 'names the culprit'
	exits 0 'all of them, two at a time' "$KSNAP" run --jobs 2 "$examples"/*.lua
	is "$(grep -c '^ok' <<<"$out")" 8 'each passes'
fi
exec {registers}>&-
example two_settings.lua '# nice 0: [0-9]+ ms, beside [0-9]+ ms' 'gives both'
example queue_drains.lua '# jobs that are not over: [1-8][0-9 ]* 0 0 0' 'shows the queue'
example runaway.lua '# 1200 captures: 64 kept, 1024 evictions told, 112 counted' 'counts all'
example nested.lua '# inner: in the middle, within the task' 'shows whose captures they are'
example many_executors.lua '# 80 captures of 4 executors: 64 kept, 16 evicted' 'shows whose captures they are'

is "$(ls "$examples"/*.lua | wc -l)" 8 "there are no others"
for file in "$examples"/*.lua; do
	like "$(cat "$examples/README.md")" "\\[${file##*/}\\]" "${file##*/} is in the README"
done
finish
