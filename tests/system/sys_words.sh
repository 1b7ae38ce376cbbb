# SPDX-License-Identifier: MIT
# sys_words.sh - sourced by the tests that type what the documents say, word for word.
#
# The documents name no endpoint, so the default one must be the test's own: root gets an empty /run
# that only this process and its children see, everyone else an own XDG_RUNTIME_DIR.
if [ "$(id -u)" = 0 ] && [ -z "${KSNAP_TEST_APART:-}" ] && unshare --mount true 2>/dev/null; then
	export KSNAP_TEST_APART=1
	# shellcheck disable=SC2016
	exec unshare --mount bash -c 'mount -t tmpfs ksnap-test /run && exec bash "$0"' "$0"
fi

. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
[ "$(id -u)" != 0 ] || [ -n "${KSNAP_TEST_APART:-}" ] || require root 'root cannot have a /run of its own here'
export XDG_RUNTIME_DIR=$tap_dir
export PATH=$KSNAP_TOP_BUILDDIR:$PATH
cd "$tap_dir" || exit 99

# typed_code FILE HEADING [LANGUAGE]: the first code block of LANGUAGE below the heading.
typed_code() {
	awk -v heading="$2" -v fence="^\`\`\`$3\$" '
		$0 == heading { below = 1; next }
		below && inside && /^```$/ { exit }
		inside { print }
		below && $0 ~ fence { inside = 1 }' "$1"
}

# typed LINE: a command that ends by itself succeeds and says something; its output is in $out.
typed() {
	exits 0 "$1" bash -c "$1" </dev/null
}

# typed_on REGEX LINE: a command that goes on is started, and says such a line on stderr. Sets $on_pid,
# and $on_fd to read its output from.
typed_on() {
	local fifo=$tap_dir/on.$tap_n fd
	mkfifo "$fifo.out" "$fifo.err"
	exec {on_fd}<>"$fifo.out" {fd}<>"$fifo.err"
	# exec, so that the signal meets ksnap.
	bash -c "exec $2" >"$fifo.out" 2>"$fifo.err" &
	on_pid=$!
	serve_pids[$on_pid]=1
	ok "$2" await_line "$fd" "$1" "$fifo.log"
	cat <&"$fd" >>"$fifo.log" &
	serve_pids[$!]=1
	exec {fd}<&-
}

# ended PID NAME: it ends well, now that it was told to.
ended() {
	kill -INT "$1"
	wait "$1"
	is "$?" 0 "$2 ends"
	unset "serve_pids[$1]"
}
