# SPDX-License-Identifier: MIT
# sys_kernel.sh - sourced by the tests that read the running kernel: what they need of it.

# kernel_lacks: fails when this process can load BPF programs and read their maps; else says, after
# one word for KSNAP_TEST_REQUIRE, why it cannot.
kernel_lacks() {
	local bpf=$KSNAP_TOP_BUILDDIR/tests/bpf
	if [ "$(id -u)" != 0 ]; then
		echo 'root only root may read the BPF maps of a kernel'
	elif [ ! -r /sys/kernel/btf/vmlinux ]; then
		echo 'bpf the kernel has no BTF'
	# Loads it, fills it and ends, for nothing is on its stdin.
	elif ! "$bpf/hold" "$bpf/shapes.bpf.o" 1 </dev/null >"$tap_dir/probe" 2>&1; then
		echo "bpf no BPF program can be loaded here: $(tail -1 "$tap_dir/probe")"
	else
		return 1
	fi
}

# need_kernel: the rest of the file captures live BPF maps.
need_kernel() {
	local lack
	lack=$(kernel_lacks) && require "${lack%% *}" "${lack#* }"
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
