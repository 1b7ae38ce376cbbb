# SPDX-License-Identifier: MIT
# What the README and the man page show works as it stands there: the scenario, the examples, the
# commands within the text. On made-up data, without rights; sys_shell.sh does the rest.
. "$KSNAP_TOP_SRCDIR/tests/system/sys_words.sh"

readme=$KSNAP_TOP_SRCDIR/README.md
man=$KSNAP_TOP_SRCDIR/bridge/man/ksnap.1

# ---- README: the scenario, and commands between backquotes ----------------------------------------

typed_code "$readme" '## A scenario' lua >that.lua
ok 'the README has a scenario' test -s that.lua
typed 'ksnap run that.lua --target fixture'
like "$out" 'ok 1 - the oldest snapshots leave first' 'is its test'

n=0
while IFS= read -r line; do
	n=$((n + 1))
	typed "$line"
	like "$out" '[a-z]' 'says something'
done < <(grep -o '`\(build/\)\?ksnap [a-z]* [^`]*--target fixture[^`]*`' "$readme" | tr -d '`' | sed 's|^build/||')
ok 'the README has commands in its text' test "$n" -ge 1

# ---- the man page: every example -------------------------------------------------------------------

# Markup within examples would have to be undone here; there is none but \e and \-.
examples=$(sed -n '/^\.Sh EXAMPLES/,$p' "$man" | sed -n '/^\.Bd/,/^\.Ed/{/^\.[BE]d/d;p}')
unlike "$examples" '\\[^e-]' 'examples are plain text'
n=0
while IFS= read -r line; do
	n=$((n + 1))
	line=${line//\\e/\\}
	line=${line//\\-/-}
	case $line in
	'ksnap serve '*' &')
		typed_on '^ksnap: serving ' "${line% &}"
		broker=$on_pid
		;;
	'ksnap monitor '*)
		typed_on '^ksnap: connected' "$line"
		monitor=$on_pid monitor_fd=$on_fd
		;;
	*)
		typed "$line"
		;;
	esac
done <<<"$examples"
ok 'the man page has examples' test "$n" -ge 5
# Two channels: each has its own order, either may come first.
ok 'the monitor tells who joined before it' await_line "$monitor_fd" '"k":"joined"|"tag":"t1"' tape
ok 'and what was captured' await_line "$monitor_fd" '"k":"joined"|"tag":"t1"' tape
ended "$monitor" 'the monitor'
ended "$broker" 'the broker'
is "$(find "$tap_dir" $([ -z "${KSNAP_TEST_APART:-}" ] || echo /run) -type s)" '' 'no socket is left'
finish
