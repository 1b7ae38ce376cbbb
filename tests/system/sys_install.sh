# SPDX-License-Identifier: MIT
# What `make install` puts in place is whole: a C program finds, links and uses the library, Lua finds
# the module, and ksnap runs the example that came with it.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
. "$KSNAP_TOP_SRCDIR/tests/system/sys_kernel.sh"

# Not a part of the make that runs this test: it must neither wait for its jobs nor take its goals.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
root=$tap_dir/root
exits 0 'make install' "${MAKE:-make}" -C "$KSNAP_TOP_BUILDDIR" --no-print-directory install "DESTDIR=$root"
pc=$(find "$root" -name libksnap.pc)
ksnap=$(find "$root" -path '*/bin/ksnap')
example=$(find "$root" -name first_capture.lua)
man=$(find "$root" -name ksnap.1)
for what in pc ksnap example man; do
	ok "$what is there, once" test -f "${!what}"
done
[ "$tap_failed" = 0 ] || finish
unset LD_LIBRARY_PATH

# ---- a C program of somebody else -----------------------------------------------------------------

export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$root
exits 0 'pkg-config knows the library' pkg-config --cflags --libs libksnap
flags=$out
like "$flags" "-I$root.* -L$root.* -lksnap" 'where it is'
unlike "$flags" '-l(zmq|msgpack|bpf)' 'and asks for no other'
unset PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
version=$(sed -n 's/^Version: //p' "$pc")
# shellcheck disable=SC2086
exits 0 'a program of somebody else compiles' $CC $KS_SAN -std=c11 -Wall -Wextra -Werror \
	-o "$tap_dir/program" "$KSNAP_TOP_SRCDIR/tests/system/sys_install.c" $flags
lib=$(dirname "$(find "$root" -name 'libksnap.so' -print -quit)")
exits 0 'and runs' env "LD_LIBRARY_PATH=$lib" "$tap_dir/program"
is "$(head -1 <<<"$out")" 't7 report 7' 'it drains what it stored, from the oldest that stayed'
is "$(wc -l <<<"$out")" 65 'all 64'
is "$(tail -1 <<<"$out")" "ksnap $version: 70 accepted, 6 evicted, 64 drained, 6 events" 'the books are right'

# ---- Lua, and ksnap itself ------------------------------------------------------------------------

module=$(find "$root" -path '*/lua/5.4/ksnap.so')
if [ "${SANITIZER:-no}" = no ]; then # its runtime cannot be loaded late
	exits 0 'plain lua requires the module' env "LUA_CPATH=${module%/*}/?.so" "$LUA" -e 'print(require "ksnap".op)'
else
	skip 'plain lua requires the module' 'a sanitizer cannot be loaded late'
fi
exits 0 'the installed ksnap' "$ksnap" version
like "$out" "$version" 'is of this version'
KSNAP=$ksnap
ok 'serves' serve_start b --target fixture
exits 0 'captures' "$ksnap" capture t0
serve_stop

if lack=$(kernel_lacks); then
	case ",${KSNAP_TEST_REQUIRE:-}," in
	*",${lack%% *},"*) tap_line 1 "its example is required to run here: ${lack#* }" ;;
	*) skip 'its example' "${lack#* }" ;;
	esac
	finish
fi
unset KSNAP_OBJECT_PATH
ok 'serves this kernel' serve_start live --target live
exits 0 'runs the example that came with it' "$ksnap" run "$example"
like "$out" '# [0-9]+ context switches' 'which loads its own program'
serve_stop
finish
