# SPDX-License-Identifier: MIT
# A broker that is killed leaves a worker behind for a moment, which finds the next broker at the same
# place, as the new one's own worker does. The new broker must live through their meeting.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"

lost=0
for round in {1..40}; do
	serve_start b --target fixture:maps=1,entries=1 || finish
	kill -KILL "$serve_pid"
	wait "$serve_pid" 2>/dev/null
	unset "serve_pids[$serve_pid]"
	: >"$serve_log"
	serve_start b --target fixture:maps=1,entries=1 || finish
	run "$KSNAP" capture t0
	# The one left behind may even be given the job; then the broker says so, and goes on.
	[[ $err != *E_WORKER_LOST* ]] || run "$KSNAP" capture t0
	[ "$status" = 0 ] || diag "round $round: exit code $status: $err"
	[ "$status" = 0 ] || lost=$((lost + 1))
	serve_stop
	[ "$status" = 0 ] || diag "round $round: the broker ended with $status: $(cat "$serve_log")"
	[ "$status" = 0 ] || lost=$((lost + 1))
	: >"$serve_log"
done
is "$lost" 0 '40 brokers that follow a killed one capture, and end well'
finish
