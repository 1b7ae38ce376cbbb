# SPDX-License-Identifier: MIT
# sys_kernel.sh - sourced by the tests that read the running kernel: what they need of it.

# need_kernel: the rest of the file captures live BPF maps.
need_kernel() {
	[ "$(id -u)" = 0 ] || require root 'only root may read the BPF maps of a kernel'
	[ -r /sys/kernel/btf/vmlinux ] || require bpf 'the kernel has no BTF'
	[ -s "$KSNAP_TOP_BUILDDIR/tests/bpf/shapes.bpf.o" ] || require bpf 'no BPF object was built'
	# Loads it, fills it and ends, for nothing is on its stdin.
	"$KSNAP_TOP_BUILDDIR/tests/bpf/hold" "$KSNAP_TOP_BUILDDIR/tests/bpf/shapes.bpf.o" 1 </dev/null \
		>"$tap_dir/probe" 2>&1 || require bpf "no BPF program can be loaded here: $(tail -1 "$tap_dir/probe")"
}

# strays WORD: processes whose command line holds WORD.
strays() {
	local file argv
	for file in /proc/[0-9]*/cmdline; do
		mapfile -d '' -t argv 2>/dev/null <"$file" || continue
		[[ ${argv[*]} == *"$1"* ]] && printf '%s: %s\n' "$file" "${argv[*]}"
	done
	return 0
}
