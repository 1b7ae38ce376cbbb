# SPDX-License-Identifier: MIT
# sys_kernel.sh - sourced by the tests that read the running kernel: what they need of it.

# need_kernel: the rest of the file captures live BPF maps.
need_kernel() {
	[ "$(id -u)" = 0 ] || require root 'only root may read the BPF maps of a kernel'
	[ -r /sys/kernel/btf/vmlinux ] || require bpf 'the kernel has no BTF'
	[ -s "$KSNAP_TOP_BUILDDIR/tests/bpf/shapes.bpf.o" ] || require bpf 'no BPF object was built'
	# No map has this name: what fails is the permission to look.
	"$KSNAP" capture probe --target live --map no_such_map_here -o json >/dev/null 2>"$tap_dir/probe" ||
		require bpf "the kernel cannot be read here: $(tail -1 "$tap_dir/probe")"
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
