# SPDX-License-Identifier: MIT
# What ksnap captures of every type of map is what bpftool dumps of it; sys_entries.py compares.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
. "$KSNAP_TOP_SRCDIR/tests/system/sys_kernel.sh"
need_python
need_kernel
[ -n "${BPFTOOL:-}" ] || require bpftool 'no bpftool to compare with'
serve_start b --target live || exit 1

PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$KSNAP_TOP_SRCDIR/tests/interop \
	"$PYTHON3" "$KSNAP_TOP_SRCDIR/tests/system/sys_entries.py"
exit
