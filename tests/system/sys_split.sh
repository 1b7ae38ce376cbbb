# SPDX-License-Identifier: MIT
# Privilege is split: a broker without any, a worker apart that reads the kernel and gave up the rest; nobody
# but root and the broker's own user can be a worker. The systemd units say the same.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
need_python
[ "$(id -u)" = 0 ] || require root 'becoming other users takes root'
command -v setpriv >/dev/null || require setpriv 'there is no setpriv'

# Commands as a user with nothing of root's.
bare=(--clear-groups --bounding-set=-all --no-new-privs)
broker_user=61001
as_broker=(setpriv --reuid=$broker_user --regid=$broker_user "${bare[@]}")
as_other=(setpriv --reuid=61002 --regid=61002 "${bare[@]}")
field() { # PID NAME: of /proc/PID/status
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

# The build may lie where others cannot read: they get a copy of the program.
program=$tap_dir/ksnap
cp "$KSNAP" "$program"
chmod 755 "$tap_dir" "$program"
folder=$tap_dir/run
install -d -o $broker_user -g $broker_user -m 0755 "$folder"
export KSNAP_ENDPOINT=ipc://$folder/control

mkfifo "$tap_dir/said"
"${as_broker[@]}" "$program" serve --bind "$KSNAP_ENDPOINT" --workers none --target live --target fixture \
	2>"$tap_dir/said" &
serve_pids[$!]=1
broker=$!
exec {fd}<"$tap_dir/said"
ok 'a broker without any privilege serves' await_line "$fd" '^ksnap: serving ' "$tap_dir/log" || finish
cat <&"$fd" >>"$tap_dir/log" &
is "$(field "$broker" CapEff)" 0000000000000000 'it has no capability'
is "$(stat -c '%a %u' "$folder/work")" "600 $broker_user" 'its work socket is its own'
is "$(stat -c '%a %u' "$folder/control")" "600 $broker_user" 'and so are the others'

# ---- who may be a worker --------------------------------------------------------------------------

exits 4 'another user cannot be a worker' "${as_other[@]}" "$program" worker --connect "ipc://$folder/work" \
	--target fixture --name thief
like "$err" 'E_DENIED: .*closed to this user.*--worker-group' 'and is told why'
exits 4 'nor a client' "${as_other[@]}" "$program" list
is "$("$program" status -o json | json 'd["workers"]')" '[]' 'nobody joined'

await_worker() { # NAME
	local n
	for ((n = 0; n < 3000; n++)); do
		[ "$("$program" status -o json | json "sum(w['name'] == '$1' for w in d['workers'])")" = 1 ] && return
	done
	return 1
}
"$program" worker --connect "ipc://$folder/work" --target live --name reader &
serve_pids[$!]=1
reader=$!
"$program" worker --connect "ipc://$folder/work" --target fixture --name maker &
serve_pids[$!]=1
maker=$!
ok 'a worker of root joins' await_worker reader
ok 'and one that makes things up' await_worker maker

# ---- what a worker keeps --------------------------------------------------------------------------

is "$(field "$reader" NoNewPrivs)" 1 'the worker gains no privilege any more'
is "$(field "$reader" Seccomp)" 2 'its system calls are filtered'
is "$(field "$maker" CapEff)" 0000000000000002 'one that makes things up keeps the right to reach the socket, no other'
caps=$((16#$(field "$reader" CapBnd)))
had=$((16#$(field $$ CapBnd)))
wrong=
# chown, kill, setuid, setpcap, net_raw, module, rawio, chroot, boot, time, mknod, setfcap
for cap in 0 5 7 8 13 16 17 18 22 25 27 31; do
	[ $((caps >> cap & 1)) = 0 ] || wrong+=" $cap"
done
is "$wrong" '' 'it cannot load modules, change users, make devices, set the clock'
wrong=
# dac_override, net_admin, ipc_lock, sys_ptrace, sys_admin, sys_resource, syslog, perfmon, bpf
for cap in 1 12 14 19 21 24 34 38 39; do
	[ $((caps >> cap & 1)) = $((had >> cap & 1)) ] || wrong+=" $cap"
done
is "$wrong" '' 'and keeps what reading the kernel takes'
is "$(field "$reader" CapEff)" "$(field "$reader" CapBnd)" 'what it has is what it may have'
is "$(field "$reader" CapPrm)" "$(field "$reader" CapBnd)" 'and nothing in reserve'
exits 0 'it reads the kernel for the broker' "$program" capture t0 --target live -o json
is "$(json 'd["placeholder"]' <<<"$out")" False 'really'
exits 0 'made-up data come too' "$program" capture t1 --target fixture -q

# ---- the units ------------------------------------------------------------------------------------

units=$tap_dir/units
mkdir "$units"
for unit in ksnap ksnap-worker; do
	sed "s|^ExecStart=[^ ]*/ksnap |ExecStart=$program |" "$KSNAP_TOP_BUILDDIR/bridge/dist/$unit.service" \
		>"$units/$unit.service"
	like "$(cat "$units/$unit.service")" "ExecStart=$program (serve|worker) " "$unit.service runs ksnap"
done
kept=$(sed -n 's/^CapabilityBoundingSet=//p' "$units/ksnap-worker.service")
bits=0
for ((n = caps; n; n >>= 1)); do bits=$((bits + (n & 1))); done
[ "$((had & 0x1ffffffffff))" != $((0x1ffffffffff)) ] ||
	is "$(wc -w <<<"$kept")" "$bits" 'the unit keeps as many capabilities as the worker'
for pid in "$reader" "$maker"; do
	kill "$pid"
	wait "$pid"
	is "$?" 0 'a worker leaves in good order'
	unset "serve_pids[$pid]"
done
lives_by='the units let their programs make the system calls that they make'
if command -v systemd-analyze >/dev/null; then
	exits 0 'systemd finds nothing wrong with the units' systemd-analyze verify --man=no --generators=no \
		"$units/ksnap.service" "$units/ksnap-worker.service"
	unlike "$err" 'ksnap.*(Unknown|Failed|ignoring)' 'nor anything it does not know'
else
	skip 'systemd finds nothing wrong with the units' 'there is no systemd-analyze'
	skip "$lives_by" 'there is no systemd-analyze'
	finish
fi
if [ "$SANITIZER" != no ]; then
	skip "$lives_by" 'a sanitizer makes system calls of its own'
	finish
fi

# ---- each program with the filter of its unit, and the words of its ExecStart ---------------------

cp "$KSNAP_TOP_SRCDIR/tests/system/sys_unit.py" "$tap_dir"
filter=("$PYTHON3" -I -S "$tap_dir/sys_unit.py" under)
place=$tap_dir/unit # in place of /run/ksnap
group=daemon        # in place of ksnap: a group that every system has
install -d -o $broker_user -g $group -m 0750 "$place" "$tap_dir/state"
for unit in ksnap ksnap-worker; do
	exits 0 "$unit.service has a filter that can be expanded" "$PYTHON3" "$tap_dir/sys_unit.py" rules \
		"$units/$unit.service" "$tap_dir/$unit.bpf"
done
words_of() { # UNIT: sets $words to what stands behind ksnap in its ExecStart
	local line
	line=$(sed -n "s|^ExecStart=$program ||p" "$units/$1.service")
	line=${line//\/run\/ksnap/$place}
	read -ra words <<<"${line/--group ksnap/--group $group}"
}
words_of ksnap
mkfifo "$tap_dir/unit-said"
( # it raises that limit
	ulimit -Sn 512
	exec setpriv --reuid=$broker_user --regid=$group "${bare[@]}" "${filter[@]}" "$tap_dir/ksnap.bpf" "$program" \
		"${words[@]}" --state "$tap_dir/state" 2>"$tap_dir/unit-said"
) &
serve_pids[$!]=1
broker=$!
exec {fd}<"$tap_dir/unit-said"
await_line "$fd" '^ksnap: serving ' "$tap_dir/unit-log"
served=$?
tap_line $served 'the broker serves under the filter of ksnap.service'
if [ $served != 0 ]; then
	wait "$broker"
	diag "it ended with status $?; 159: by a call that is not allowed"
	finish
fi
cat <&"$fd" >>"$tap_dir/unit-log" &
is "$(field "$broker" Seccomp)" 2 'the filter is there'
most=$(ulimit -Hn)
is "$(awk '/^Max open files/ { print $4 }' "/proc/$broker/limits")" $((most < 2048 ? most : 2048)) 'it has the descriptors of a broker'
is "$(stat -c '%a %G' "$place/control")" "660 $group" 'its sockets are the group'"'"'s'
export KSNAP_ENDPOINT=ipc://$place/control
words_of ksnap-worker
"${filter[@]}" "$tap_dir/ksnap-worker.bpf" "$program" "${words[@]}" --name united 2>"$tap_dir/worker-log" &
serve_pids[$!]=1
worker=$!
ok 'a worker joins it under that of ksnap-worker.service' await_worker united
exits 0 'which reads the kernel' "$program" capture t0 -o json
is "$(json 'd["placeholder"]' <<<"$out")" False 'really'
for pid in "$worker" "$broker"; do
	kill "$pid"
	wait "$pid"
	is "$?" 0 'each leaves in good order'
	unset "serve_pids[$pid]"
done
finish
