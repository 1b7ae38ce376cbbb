# SPDX-License-Identifier: MIT
# Runs when all other tests have ended: none of them left a debug register taken, a cgroup, a pinned BPF
# object, or a process of this build behind.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
. "$KSNAP_TOP_SRCDIR/tests/system/sys_kernel.sh"

# What ended a moment ago may still be on its way out: until there is nothing, or 30 s are over.
until_none() { # until_none NAME COMMAND...
	local name=$1 left
	shift
	SECONDS=0
	while left=$("$@") && [ -n "$left" ] && [ "$SECONDS" -lt 30 ]; do :; done
	is "$left" '' "$name"
}

# All but what runs this test itself.
running() {
	local exe
	for exe in /proc/[0-9]*/exe; do
		case $(readlink "$exe" 2>/dev/null) in
		"$KSNAP_TOP_BUILDDIR"/*) [ "$exe" = "/proc/$PPID/exe" ] || echo "$exe: $(tr '\0' ' ' <"${exe%exe}cmdline" 2>/dev/null)" ;;
		esac
	done
	return 0
}
# Another build may be at its tests: theirs end in the number of a process that runs.
cgroups() {
	local root group
	root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
	[ -n "$root" ] || return 0
	find "$root" -maxdepth 2 -name 'ksnap-*' 2>/dev/null | while read -r group; do
		[ -d "/proc/${group##*[!0-9]}" ] && [ -n "${group##*[!0-9]}" ] || echo "$group"
	done
}
pinned() {
	find /sys/fs/bpf -name '*ksnap*' 2>/dev/null
	return 0
}

until_none 'no process of this build runs' running
until_none 'no cgroup of a test is there' cgroups
until_none 'no BPF object is pinned' pinned
if lack=$(kernel_lacks); then
	skip 'all debug registers can be had' "${lack#* }"
	finish
fi
exec 9>/run/lock/ksnap-tests-registers
flock 9 # another build on this host may have them now
registers() {
	local said
	said=$(echo registers | "$KSNAP_TOP_BUILDDIR/tests/bpf/writer" "$KSNAP_TOP_BUILDDIR/tests/bpf/watched.bpf.o" | tail -1)
	[ "$said" = free ] || echo "$said"
}
until_none 'all debug registers can be had' registers
finish
