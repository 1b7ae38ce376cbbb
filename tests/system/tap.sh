# SPDX-License-Identifier: MIT
# tap.sh - sourced by the shell tests: TAP lines, a private broker, checks of JSON.
#
# A test calls ok, is, like, exits; finish prints the plan. Nothing here sleeps: serve_start waits
# for the broker's own line, everything else has a deadline that fails the test.
set -u
: "${KSNAP:?run this through make check, or source tests/env.sh}"
unset KSNAP_ENDPOINT

tap_n=0
tap_failed=0
tap_dir=$(mktemp -d "${TMPDIR:-/tmp}/ksnap-test.XXXXXX") || exit 99
declare -A serve_pids=()
export XDG_RUNTIME_DIR=$tap_dir # where default sockets are, unless one is root

tap_clean() {
	local pid
	for pid in "${!serve_pids[@]}"; do
		kill -TERM "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	rm -rf "$tap_dir"
}
trap tap_clean EXIT

# ---- verdicts: each is one test line ---------------------------------------------------------

tap_line() { # passed? name
	tap_n=$((tap_n + 1))
	if [ "$1" = 0 ]; then
		printf 'ok %d - %s\n' "$tap_n" "$2"
	else
		tap_failed=$((tap_failed + 1))
		printf 'not ok %d - %s\n' "$tap_n" "$2"
	fi
}

diag() {
	printf '%s\n' "$*" | head -c 4000 | sed 's/^/# /'
}

# ok NAME COMMAND...: the command succeeds.
ok() {
	local name=$1
	shift
	"$@"
	tap_line $? "$name"
}

# is GOT WANTED NAME
is() {
	[ "$1" = "$2" ]
	local r=$?
	tap_line $r "$3"
	[ $r = 0 ] || diag "got '$1', wanted '$2'"
}

# like TEXT REGEX NAME
like() {
	[[ $1 =~ $2 ]]
	local r=$?
	tap_line $r "$3"
	[ $r = 0 ] || diag "got '$1', wanted something like '$2'"
}

# unlike TEXT REGEX NAME
unlike() {
	[[ ! $1 =~ $2 ]]
	local r=$?
	tap_line $r "$3"
	[ $r = 0 ] || diag "got '$1', wanted nothing like '$2'"
}

# run COMMAND...: sets $status, $out, $err. A command that hangs is killed and gives 137.
run() {
	out=$(timeout -s KILL 60 "$@" 2>"$tap_dir/stderr")
	status=$?
	err=$(cat "$tap_dir/stderr")
}

# exits CODE NAME COMMAND...: runs it, one test of its exit code.
exits() {
	local wanted=$1 name=$2
	shift 2
	run "$@"
	[ "$status" = "$wanted" ]
	local r=$?
	tap_line $r "$name"
	[ $r = 0 ] || diag "exit code $status, wanted $wanted; stdout: $out stderr: $err"
}

# skip NAME REASON
skip() {
	tap_n=$((tap_n + 1))
	printf 'ok %d - %s # SKIP %s\n' "$tap_n" "$1" "$2"
}

# require WHAT REASON: the whole test is skipped, unless KSNAP_TEST_REQUIRE names WHAT: then it fails.
require() {
	case ",${KSNAP_TEST_REQUIRE:-}," in
	*",$1,"*)
		printf '1..1\nnot ok 1 - %s is required here: %s\n' "$1" "$2"
		exit 1
		;;
	esac
	printf '1..0 # SKIP %s\n' "$2"
	exit 0
}

finish() {
	printf '1..%d\n' "$tap_n"
	[ "$tap_failed" = 0 ] && [ "$tap_n" -gt 0 ]
	exit
}

# ---- data ------------------------------------------------------------------------------------

# need_python: JSON and msgpack are judged by somebody else's decoder.
need_python() {
	[ -n "${PYTHON3:-}" ] || require python "no python3 with msgpack"
}

# json EXPRESSION: evaluate it with d = the JSON document on stdin, print the result.
json() {
	"$PYTHON3" -c 'import json, sys
d = json.load(sys.stdin)
print(eval(sys.argv[1], {"d": d}))' "$1"
}

# jsonl EXPRESSION: the same with d = the list of documents, one a line.
jsonl() {
	"$PYTHON3" -c 'import json, sys
d = [json.loads(line) for line in sys.stdin]
print(eval(sys.argv[1], {"d": d}))' "$1"
}

# unpack EXPRESSION: the same with d = the list of msgpack values in the file $tap_dir/bytes.
unpack() {
	"$PYTHON3" -c 'import msgpack, sys
d = list(msgpack.Unpacker(open(sys.argv[2], "rb"), raw=False, strict_map_key=False))
print(eval(sys.argv[1], {"d": d}))' "$1" "$tap_dir/bytes"
}

# ---- a broker of one's own ---------------------------------------------------------------------

# await_line FD REGEX LOG: copy lines to LOG until one matches; fails after 30 s of silence or at
# the end of the stream.
await_line() {
	local line
	while IFS= read -r -t 30 -u "$1" line; do
		printf '%s\n' "$line" >>"$3"
		[[ $line =~ $2 ]] && return 0
	done
	diag "no line like '$2' in: $(cat "$3" 2>/dev/null)"
	return 1
}

# serve_start NAME OPTION...: a broker with sockets $tap_dir/NAME/...; waits until it serves. Sets
# $serve_pid, $serve_log and exports KSNAP_ENDPOINT.
serve_start() {
	local name=$1 fd fifo
	shift
	mkdir -p "$tap_dir/$name"
	fifo=$tap_dir/$name/stderr
	serve_log=$tap_dir/$name/log
	rm -f "$fifo"
	mkfifo "$fifo"
	"$KSNAP" serve --bind "ipc://$tap_dir/$name/control" "$@" 2>"$fifo" &
	serve_pid=$!
	serve_pids[$serve_pid]=1
	exec {fd}<"$fifo"
	await_line "$fd" '^ksnap: serving ' "$serve_log" || return 1
	# What it says later must not block it.
	cat <&"$fd" >>"$serve_log" &
	exec {fd}<&-
	export KSNAP_ENDPOINT=ipc://$tap_dir/$name/control
}

# serve_stop: SIGTERM, and wait; $status is its exit code. KSNAP_ENDPOINT is gone afterwards.
serve_stop() {
	kill -TERM "$serve_pid"
	wait "$serve_pid"
	status=$?
	unset "serve_pids[$serve_pid]" KSNAP_ENDPOINT
}
