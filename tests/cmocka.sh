# SPDX-License-Identifier: MIT
# cmocka.sh - run a C test. cmocka 1.1 prints a skipped case as "not ok N # SKIP name", where TAP has
# it "ok N # SKIP"; the exit status is the program's.
{ "$@"; echo "# exit status $?"; } | {
	status=99
	while IFS= read -r line; do
		case $line in
		'# exit status '*) status=${line#\# exit status } ;;
		'not ok '*' # SKIP '*) printf '%s\n' "${line#not }" ;;
		*) printf '%s\n' "$line" ;;
		esac
	done
	exit "$status"
}
