# SPDX-License-Identifier: MIT
# What shells complete: bash is asked, and others where they are installed; all read the whole.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"

exits 2 'a shell that there is not' "$KSNAP" completion tcsh
like "$err" "'tcsh'.*bash, zsh, fish" 'those that there are, are listed'
exits 2 'no shell' "$KSNAP" completion

for shell in bash zsh fish; do
	exits 0 "$shell" "$KSNAP" completion "$shell"
	printf '%s\n' "$out" >"$tap_dir/$shell"
	is "$err" '' 'without a word'
	if command -v "$shell" >/dev/null; then
		exits 0 "$shell reads it" "$shell" -n "$tap_dir/$shell"
	else
		skip "$shell reads it" "$shell is not installed"
	fi
done

"$KSNAP" help >"$tap_dir/help"
commands=$(sed -n '/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p' "$tap_dir/help")
complete() { # WORD...: what bash proposes for the last one
	bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ksnap; echo ${COMPREPLY[*]}' - "$tap_dir/bash" "$@"
}
PATH=$(dirname "$KSNAP"):$PATH
is "$(complete ksnap '' | tr ' ' '\n')" "$commands" 'every command'
is "$(complete ksnap captu)" capture 'one of them'
is "$(complete ksnap -e ipc://x -q captu)" capture 'behind options'
is "$(complete ksnap -o json)" 'json jsonl' 'the choices of an option'
is "$(complete ksnap list -o ta)" table 'the same behind the command'
is "$(complete ksnap help watche)" watches 'commands are words of help'
is "$(complete ksnap capture --sav)" '--save' 'an option of the command'
is "$(complete ksnap list --sav)" '' 'which is no option of another'
is "$(complete ksnap capture --endp)" '--endpoint' 'an option of all'
touch "$tap_dir/a.lua"
is "$(complete ksnap run "$tap_dir/a")" "$tap_dir/a.lua" 'files of run'
is "$(complete ksnap capture t0 --save "$tap_dir/a")" "$tap_dir/a.lua" 'files of an option'
is "$(complete ksnap capture t0 --timeout '')" '' 'nothing for a number'
for c in $commands; do
	missing=$("$KSNAP" help "$c" | sed -n 's/^  .\{4\}--\([a-z-]*\).*/\1/p' | while read -r o; do
		for shell in bash zsh fish; do grep -q -e "$o" "$tap_dir/$shell" || echo "$shell:$o"; done
	done)
	is "$missing" '' "$c: no option is left out"
done

ok 'a broker' serve_start b --target fixture
run "$KSNAP" capture tags_are_proposed
is "$(complete ksnap show tags_)" tags_are_proposed 'tags that are stored'
is "$(complete ksnap diff tags_are_proposed tags_)" tags_are_proposed 'for each of two'
serve_stop
finish
