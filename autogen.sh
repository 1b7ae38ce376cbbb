#!/bin/sh
# SPDX-License-Identifier: MIT
# autogen.sh - the project's door.
#
#   ./autogen.sh        make ./configure (needs autoconf, automake, libtool)
#   ./autogen.sh run    install missing Debian packages, build, run the first example
#   ./autogen.sh check  the same, then every test
#
# run and check build in ./build, or in the current folder when that is not the source tree.
# Anything behind the word goes to configure: ./autogen.sh check --enable-sanitizers=address
set -eu

here=$(pwd)
src=$(cd "$(dirname "$0")" && pwd)

build_packages='autoconf automake libtool make gcc libc6-dev linux-libc-dev pkg-config libzmq3-dev zlib1g-dev
libmsgpack-dev liblua5.4-dev lua5.4 libbpf-dev libelf-dev libedit-dev clang'
test_packages='libcmocka-dev python3 python3-zmq python3-msgpack python3-jsonschema bpftool valgrind lua-check
qemu-system-x86 python3-drgn'

say() { printf 'autogen: %s\n' "$*" >&2; }

usage() {
	sed -n '3,10s/^# \{0,1\}//p' "$src/autogen.sh" >&2
	exit 2
}

# Names of the packages of $* that are not installed.
missing() {
	for p in "$@"; do
		dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || printf '%s ' "$p"
	done
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

can_be_root() {
	[ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; } ||
		{ command -v sudo >/dev/null && [ -t 0 ]; }
}

install_packages() {
	command -v dpkg-query >/dev/null || {
		say "not a Debian system: make sure these are there: $*"
		return 0
	}
	need=$(missing "$@")
	[ -n "$need" ] || return 0
	if ! can_be_root; then
		say "packages are missing, and neither root nor sudo is here to install them. Run:"
		printf 'apt-get install %s\n' "${need% }" >&2
		exit 2
	fi
	say "installing $need"
	as_root apt-get update -qq
	# shellcheck disable=SC2086
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $need >/dev/null
}

bootstrap() {
	if [ ! -w "$src" ] && [ -x "$src/configure" ]; then
		return 0
	fi
	(cd "$src" && autoreconf --force --install)
}

build() {
	if [ "$here" = "$src" ]; then
		builddir=$src/build
	else
		builddir=$here
	fi
	bootstrap
	mkdir -p "$builddir"
	cd "$builddir"
	"$src/configure" --quiet --enable-silent-rules "$@"
	make -s -j"$(nproc)"
	say "built $builddir/ksnap"
}

# Only root may read the kernel's BPF maps; whoever cannot become root sees made-up data.
first_example() {
	if [ "$(id -u)" -eq 0 ]; then
		"$builddir/ksnap" run "$src/lua/examples/first_capture.lua"
	elif can_be_root; then
		sudo "$builddir/ksnap" run "$src/lua/examples/first_capture.lua"
	else
		say "reading the kernel needs root: here is a capture of made-up data"
		"$builddir/ksnap" capture t0 --target fixture:maps=1,entries=5
	fi
}

# One line from the real results: each .trs file of the build lists what its test printed.
count_results() {
	find "$builddir/tests" "$builddir/bench" -name '*.trs' -exec cat {} + | awk '
		/^:test-result: (PASS|XFAIL)/ { passed++ }
		/^:test-result: (FAIL|ERROR|XPASS)/ { failed++ }
		/^:test-result: SKIP/ { skipped++ }
		END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }'
}

run_tests() {
	status=0
	find "$builddir/tests" "$builddir/bench" -name '*.trs' -exec rm -f {} +
	make -s -j"$(nproc)" check VERBOSE=1 || status=$?
	count_results
	exit "$status"
}

case ${1-} in
'')
	bootstrap
	say "now: ./configure && make && make check && make install"
	;;
run)
	shift
	# shellcheck disable=SC2086
	install_packages $build_packages
	build "$@"
	first_example
	;;
check)
	shift
	# shellcheck disable=SC2086
	install_packages $build_packages $test_packages
	build "$@"
	run_tests
	;;
*)
	usage
	;;
esac
