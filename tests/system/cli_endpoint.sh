# SPDX-License-Identifier: MIT
# Where brokers are: nobody listens, two at one place, stale sockets, tcp; start and stop.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"

nobody=ipc://$tap_dir/nobody/control
for c in list status describe events 'show t0' drain 'procs t0' monitor; do
	# shellcheck disable=SC2086
	exits 5 "$c with nobody there" "$KSNAP" $c --endpoint "$nobody"
	is "$out" '' "$c prints no data"
	like "$err" "ksnap: error: .*$nobody.*ksnap serve" "$c says how to start a broker"
done
exits 5 'capture at a named endpoint does not embed' "$KSNAP" capture t0 --endpoint "$nobody" --target fixture
exits 5 'nor with KSNAP_ENDPOINT' env KSNAP_ENDPOINT="$nobody" "$KSNAP" capture t0 --target fixture
exits 5 'a worker that no broker takes' "$KSNAP" worker --connect "ipc://$tap_dir/nobody/work" --target fixture
like "$err" "no broker took this worker at ipc://$tap_dir/nobody/work.*ksnap serve.*--connect" 'is told what to start'
exits 5 'nobody on tcp either, within the deadline' "$KSNAP" list --endpoint tcp://127.0.0.1:1 --timeout 200

exits 2 'tcp without CURVE' "$KSNAP" serve --bind tcp://127.0.0.1:0 --target fixture
like "$err" '--curve-secret.*--authorised' 'says what is missing'
exits 2 'tcp for all the world, insecure' "$KSNAP" serve --bind 'tcp://*:0' --insecure --target fixture
like "$err" 'loopback' 'is refused'
exits 2 'an address that only begins like loopback' "$KSNAP" serve --bind tcp://127.0.0.1.example.org:0 --insecure \
	--target fixture
exits 2 'a transport nobody knows' "$KSNAP" serve --bind http://x --target fixture
exits 2 'a target nobody knows' "$KSNAP" serve --bind "$nobody" --target vax
like "$err" 'fixture' 'the kinds are listed'
exits 2 'wrong options of a target' "$KSNAP" serve --bind "$nobody" --target fixture:maps=lots
exits 2 'a group nobody knows' "$KSNAP" serve --bind "$nobody" --target fixture --group no-such-group-here
exits 2 'a limit of 0' "$KSNAP" serve --bind "$nobody" --target fixture --max-snapshots 0

exits 2 'a role nobody knows' "$KSNAP" serve --bind "$nobody" --target fixture --role root

ok 'serve for observers' serve_start observe --target fixture --role observe
exits 4 'a role that is too low' "$KSNAP" capture t0
like "$err" "E_DENIED.*needs the right 'capture'.*'observe'.*--role" 'says which it needs and has'
exits 0 'observing goes' "$KSNAP" list
serve_stop

ok 'serve' serve_start one --target fixture
like "$(cat "$serve_log")" "^ksnap: serving ipc://.*/one/control \(live .*, work .*\), target fixture, epoch [0-9]+$" 'its line'
exits 5 'a worker at the control socket' timeout -s KILL 60 "$KSNAP" worker --connect "$KSNAP_ENDPOINT" --target fixture
like "$err" "no broker took this worker at $KSNAP_ENDPOINT within 5 .*control socket.*work socket" 'is told what it may be'
is "$(grep -c 'message of the broker is dropped' <<<"$err")" 1 'and of the answers once'
exits 5 'a worker at the live socket' timeout -s KILL 60 "$KSNAP" worker --connect "ipc://$tap_dir/one/live" --target fixture
like "$err" "no broker took this worker at .*work socket" 'is told the same'
is "$(stat -c %a "$tap_dir/one/control")" 600 'the socket is private'
exits 0 'status' "$KSNAP" status
first=$serve_pid
exits 1 'a second broker at the same place' "$KSNAP" serve --bind "$KSNAP_ENDPOINT" \
	--bind-live "ipc://$tap_dir/two/live" --bind-work "ipc://$tap_dir/two/work" --target fixture
like "$err" 'already' 'says why'
exits 0 'the first one goes on' "$KSNAP" status
is "$(stat -c %a "$tap_dir/two")" 700 'a folder that is made is private'
serve_stop
is "$status" 0 'SIGTERM ends it well'
is "$(ls "$tap_dir/one" | grep -c -x -e control -e live -e work)" 0 'its sockets are gone'

ok 'serve once more' serve_start one --target fixture
kill -STOP "$serve_pid"
exits 5 'a broker that does not answer, within the deadline' "$KSNAP" list --timeout 200
kill -KILL "$serve_pid"
wait "$serve_pid" 2>/dev/null
unset "serve_pids[$serve_pid]"
ok 'its socket is still there' test -S "$tap_dir/one/control"
exits 5 'a stale socket is nobody' "$KSNAP" list
ok 'a stale socket is taken over' serve_start one --target fixture
exits 0 'and works' "$KSNAP" capture t0 -o json
serve_stop

ok 'workers as threads' serve_start threads --target fixture:maps=1,entries=1 --workers thread
exits 0 'capture by a thread' "$KSNAP" capture t0
serve_stop
is "$status" 0 'ends well too'

ok 'insecure tcp on loopback' serve_start tcp --target fixture --bind 'tcp://127.0.0.1:*' --insecure
url=$(sed -n 's/^ksnap: serving \(ipc:[^ ]*\) .*/\1/p' "$serve_log")
like "$url" '^ipc://' 'the first endpoint is the one it tells'
serve_stop

group=$(id -gn)
ok 'serve for a group' serve_start group --target fixture --group "$group"
is "$(stat -c %a "$tap_dir/group/control")" 660 'the socket is for the group'
serve_stop

if [ "$(id -u)" = 0 ] && [ -S /run/ksnap/control ]; then
	skip 'embedded' 'a broker of this machine may answer'
else
	XDG_RUNTIME_DIR=$tap_dir/empty
	export XDG_RUNTIME_DIR
	unset KSNAP_ENDPOINT
	exits 0 'capture without a broker embeds one' "$KSNAP" capture t0 --target fixture:maps=2,entries=3
	like "$out" 't0' 'and prints the report'
	exits 2 'an embedded target nobody knows' "$KSNAP" capture t0 --target vax
	exits 5 'list does not embed' "$KSNAP" list
fi
finish
