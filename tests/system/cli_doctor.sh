# SPDX-License-Identifier: MIT
# ksnap doctor says what works here; what it says is compared with what does work.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
. "$KSNAP_TOP_SRCDIR/tests/system/sys_kernel.sh"
need_python

exits 2 'a kind of target that there is not' "$KSNAP" doctor live nope
is "$out" '' 'nothing is tried before all are understood'
like "$err" "'nope'.*live, guest, core, fixture" 'it is named, and those that there are'

exits 0 'the fixture has all it needs' "$KSNAP" doctor fixture
like "$out" 'good +opens' 'it opens'
like "$out" 'limited +broker' 'no broker is a limit, not an error'
like "$out" "to mend it: ksnap serve" 'and how to have one is said'
exits 1 'a target that cannot open' "$KSNAP" doctor core:/dev/null
like "$out" 'missing +opens .*/dev/null' 'why is said'
exits 1 'in JSON' "$KSNAP" doctor fixture core:/dev/null -o json
is "$(json '[r["verdict"] for r in d if r["check"] == "opens"]' <<<"$out")" "['good', 'missing']" 'each by its verdict'
is "$(json 'all(set(r) - {"mend"} == {"of", "check", "verdict", "gives", "found"} for r in d)' <<<"$out")" True 'rows are alike'

exits 0 'a low soft limit of open files' bash -c 'ulimit -Sn 512; exec "$1" doctor fixture' - "$KSNAP"
most=$(ulimit -Hn)
like "$out" "good +files .*may open $((most < 2048 ? most : 2048)) files" 'is raised by a broker'
exits 0 'a low hard one' bash -c 'ulimit -n 512; exec "$1" doctor fixture' - "$KSNAP"
like "$out" 'limited +files .*may open 512 files' 'is a limit'

ok 'a broker' serve_start b --target fixture
exits 0 'is found' "$KSNAP" doctor fixture
like "$out" 'good +broker +.*answers' 'and answers'
serve_stop

# ---- the running kernel ------------------------------------------------------------------------

verdict() { json "[r['verdict'] for r in d if r['check'] == '$1'][0]" <<<"$rows"; }
agree() { # CHECK NAME COMMAND...: good exactly when the command works
	local wanted=limited
	! "${@:3}" >/dev/null 2>&1 || wanted=good
	is "$(verdict "$1")" "$wanted" "$2: $wanted"
}

run "$KSNAP" doctor -o json
rows=$out
if kernel_lacks >/dev/null; then
	is "$status" 1 'without rights the target live is missing'
	is "$(verdict maps)" missing 'for its maps cannot be listed'
	finish
fi
is "$status" 0 'with them it is there'
is "$(verdict maps)" good 'maps are listed'
agree types 'types' test -r /sys/kernel/btf/vmlinux
agree sched_ext 'sched_ext' test -d /sys/kernel/sched_ext
agree symbols 'symbols' "$KSNAP" read jiffies_64
exits 1 'a file that is not of this kernel' "$KSNAP" doctor live:vmlinux=/dev/null
like "$out" 'missing +symbols .*/dev/null' 'is the end of it'
agree programs 'reads of kernel memory' "$KSNAP" read per_cpu:runqueues@0.nr_running
if command -v setpriv >/dev/null; then
	run setpriv --bounding-set -all --inh-caps -all --ambient-caps -all --reuid 65534 --clear-groups "$KSNAP" doctor
	if [ "$status" != 127 ] && [ "$status" != 126 ]; then
		is "$status" 1 'an unprivileged user'
		like "$out" 'missing +maps +refused: this process lacks CAP_BPF' 'reads what is lacking'
		like "$out" 'to mend it: run as root' 'and what to do'
	fi
fi
finish
