# SPDX-License-Identifier: MIT
# ksnap attach: a BPF object is there while the command runs, whoever ends it; another one takes its place.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
need_python
bpf=$KSNAP_TOP_BUILDDIR/tests/bpf

# ---- wrong use -----------------------------------------------------------------------------------------

exits 1 'a file that is not there' "$KSNAP" attach "$tap_dir/nothing.bpf.o"
like "$err" 'cannot read .*nothing.bpf.o: No such file' 'is said'
exits 2 'a folder' "$KSNAP" attach "$tap_dir"
like "$err" 'is no file that could be read as a whole' 'is said so'
: >"$tap_dir/empty.bpf.o"
exits 2 'an empty file' "$KSNAP" attach "$tap_dir/empty.bpf.o"
like "$err" 'is empty' 'is said'
exits 2 'a name with a line end' timeout 30 "$KSNAP" attach "$bpf/counter.bpf.o" --target fixture --name "$(printf 'a\nb')"
like "$err" 'name: has the control character U\+000A at byte 1' 'is refused'
exits 1 'a fixture' "$KSNAP" attach "$bpf/counter.bpf.o" --target fixture
like "$err" 'E_UNSUPPORTED' 'has no kernel'

# attached NAME OPTION...: ksnap attach in the background; waits until it holds. Sets $holder, and $map, the
# id of its .bss.
attached() {
	rm -f "$tap_dir/said"
	mkfifo "$tap_dir/said"
	"$KSNAP" attach "$@" >"$tap_dir/printed" 2>"$tap_dir/said" &
	holder=$!
	exec 8<"$tap_dir/said"
	await_line 8 'is attached until this command ends' "$tap_dir/tape" || return 1
	map=$(awk '$1 == "map" && $3 ~ /bss/ { print $2 }' "$tap_dir/printed")
}

# gone ID: the kernel lets the map go; it may take a moment after its last user.
gone() {
	local end=$((SECONDS + 60))
	until "$KSNAP" capture t0 --map "id:$1" -o json | grep -q '"maps":\[\]'; do
		[ "$SECONDS" -lt "$end" ] || return 1
	done
}

serve_start b --target live || exit 1
exits 1 'an object that the verifier refuses' "$KSNAP" attach "$bpf/broken.bpf.o"
[[ $err =~ E_DENIED ]] && require bpf "no BPF object can be loaded: $err"
like "$err" 'the verifier refused it' 'is refused in its words'

# ---- held ----------------------------------------------------------------------------------------------

ok 'attach' attached "$bpf/counter.bpf.o"
like "$(<"$tap_dir/printed")" 'map +[0-9]+ +switches' 'prints its maps'
like "$(<"$tap_dir/printed")" 'prog +[0-9]+ +count_switch' 'and its programs'
exits 0 'read' "$KSNAP" read "id:$map:nr_switches"
first=$out
exits 0 'read again' "$KSNAP" read "id:$map:nr_switches"
ok 'it counts' [ "$out" -gt "$first" ]
exits 0 'status' "$KSNAP" status -o json
like "$out" '"object counter"' 'says who owns it'
exits 1 'a second one of the name' "$KSNAP" attach "$bpf/counter.bpf.o"
like "$err" "'counter' is attached already, by ksnap.* \\(pid [0-9]+\\)" 'is refused'
exits 0 'wait' "$KSNAP" status -o json
before=$(json 'd["workers"][0]["seqno"]' <<<"$out")

# ---- another one in its place ---------------------------------------------------------------------------

old=$map
exits 0 'replace' "$KSNAP" attach --replace "$bpf/counter.bpf.o" -o json
map=$(json '[i for i, n in zip(d["maps"], d["map_names"]) if "bss" in n][0]' <<<"$out")
ok 'its maps are new' [ "$map" -gt "$old" ]
exits 0 'the new one' "$KSNAP" read "id:$map:nr_switches"
ok 'the old one is gone' gone "$old"
exits 0 'status' "$KSNAP" status -o json
ok 'the accessor was made anew' [ "$(json 'd["workers"][0]["seqno"]' <<<"$out")" -gt "$before" ]
exits 1 'replace by one that does not load' "$KSNAP" attach --replace --name counter "$bpf/broken.bpf.o"
exits 0 'changes nothing' "$KSNAP" read "id:$map:nr_switches"
exits 1 'replace of what is not there' "$KSNAP" attach --replace --name nobody "$bpf/counter.bpf.o"
like "$err" "no object 'nobody' is attached" 'is said'
kill -INT "$holder"
wait "$holder"
is $? 0 '^C ends it well'
ok 'all of it is gone' gone "$map"

# ---- the end of one is waited for ------------------------------------------------------------------------

# Names of congestion controls are the host's.
name=$(printf 'ksnap_t_%06d' $(($$ % 1000000)))
LC_ALL=C sed "s/ksnap_t_000000/$name/" "$bpf/congest.bpf.o" >"$tap_dir/congest.bpf.o"
exits 1 'a watch on what is not attached' "$KSNAP" watch object:held
like "$err" 'no struct_ops called held is attached; attached are: ' 'says what is'
ok 'attach a congestion control' attached --name held "$tap_dir/congest.bpf.o"
mkfifo "$tap_dir/armed"
"$KSNAP" watch object:held --map held.data >"$tap_dir/hits" 2>"$tap_dir/armed" &
watcher=$!
exec 7<"$tap_dir/armed"
ok 'watch' await_line 7 '^ksnap: watch [0-9]+ on object:held; ends' "$tap_dir/tape"
kill -INT "$holder"
wait "$holder"
wait "$watcher"
is $? 0 'the watch ends with the object'
like "$(cat "$tap_dir/hits")" '#1 +it ends$' 'says that it ends'
is "$(cat <&7)" 'ksnap: 1 hits, 1 shown, 0 only counted' 'and that this was all'
exec 7<&-
exits 0 'the last state' "$KSNAP" show object:held -o json
is "$(json 'd["complete"], d["trigger"]["kind"], d["hit"]["n"], d["trigger"]["latency_ns"] > 0' <<<"$out")" \
	"(True, 'watch', 1, True)" 'was captured, and says why'
exits 0 'its variable' "$KSNAP" show object:held window
is "$out" 10 'is as it was'
ok 'and then it is gone' gone "$map"

# ---- ends ------------------------------------------------------------------------------------------------

exits 0 'for a second' "$KSNAP" attach --for 1s --name shortly "$bpf/counter.bpf.o"
like "$err" 'shortly is detached' 'it goes by itself'
ok 'attach' attached "$bpf/counter.bpf.o"
kill -KILL "$holder"
wait "$holder" 2>/dev/null
ok 'the command killed: gone' gone "$map"
ok 'attach' attached "$bpf/counter.bpf.o"
kill -KILL "$("$KSNAP" status -o json | json 'd["workers"][0]["pid"]')"
wait "$holder"
is $? 1 'the worker killed: the command ends by itself'
like "$(cat <&8)" 'object counter: nobody holds it any more' 'saying why'
ok 'and all of it is gone' gone "$map"

# known NAME: the kernel has that congestion control.
known() {
	grep -qw "$1" /proc/sys/net/ipv4/tcp_available_congestion_control
}

# taken_out NAME: by the child that is left; it may take a moment.
taken_out() {
	local end=$((SECONDS + 60))
	while known "$1"; do
		[ "$SECONDS" -lt "$end" ] || return 1
	done
}

ok 'attach a congestion control' attached --name held "$tap_dir/congest.bpf.o"
ok 'the kernel has it' known "$name"
kill -KILL "$("$KSNAP" status -o json | json 'd["workers"][0]["pid"]')"
wait "$holder"
is $? 1 'the worker killed: the command ends'
ok 'the kernel has it no more' taken_out "$name"
ok 'and all of it is gone' gone "$map"
unset KSNAP_ENDPOINT
ok 'without a broker' attached "$bpf/counter.bpf.o"
kill -TERM "$holder"
wait "$holder"
is $? 0 'ends well too'
finish
