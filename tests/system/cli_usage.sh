# SPDX-License-Identifier: MIT
# Help, usage and wrong use of every command; no broker.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"

exits 2 'no command is wrong use' "$KSNAP"
is "$out" '' 'and nothing is on stdout'
like "$err" 'Commands' 'the commands are on stderr'

exits 2 'an unknown command is wrong use' "$KSNAP" captrue
like "$err" "ksnap: error: unknown command 'captrue'; did you mean 'capture'" 'a near one is proposed'
exits 2 'a far one too' "$KSNAP" zzzzzz
unlike "$err" 'did you mean' 'nothing is proposed for nonsense'

exits 2 'an unknown option' "$KSNAP" capture t0 --targte live
like "$err" 'unknown option --targte; did you mean --target' 'a near one is proposed'
exits 2 'an unknown short option' "$KSNAP" list -Z
exits 2 'an option without its value' "$KSNAP" capture t0 --target
like "$err" 'needs a value' 'says so'
exits 2 'a flag with a value' "$KSNAP" capture t0 --progs=yes
exits 2 'a choice that is none' "$KSNAP" list -o yaml
like "$err" 'table\|json\|jsonl\|msgpack' 'the choices are listed'
for bad in '' x 1x -1 65536 99999999999999999999; do
	exits 2 "--step $bad is refused" "$KSNAP" capture t0 --step="$bad"
done
exits 2 'a word too many' "$KSNAP" list extra
like "$err" "does not take 'extra'" 'it is named'
exits 2 'a word too few' "$KSNAP" show
exits 2 'an empty command line of capture' "$KSNAP" capture
exits 2 'procs without a tag' "$KSNAP" procs
exits 2 'procs with both' "$KSNAP" procs t0 --drain

for command in 'freeze /' 'watch jiffies_64'; do
	# shellcheck disable=SC2086
	exits 1 "$command of a core" "$KSNAP" $command --target core:/dev/null
	like "$err" 'E_UNSUPPORTED: target core cannot .*: it stands still for ever, and can be read only' 'is explained'
done

newline=$'\n'
long=$(printf 'x%.0s' {1..65})
exits 2 'a tag of 65 bytes' "$KSNAP" capture "$long" --target fixture
like "$err" '64' 'the limit is named'
exits 2 'an empty tag' "$KSNAP" capture '' --target fixture
exits 2 'a tag with a newline' "$KSNAP" capture "a${newline}b" --target fixture
exits 2 'a tag that is not UTF-8' "$KSNAP" capture $'a\xffb' --target fixture

exits 0 'help' "$KSNAP" help
overview=$out
is "$err" '' 'help is data'
exits 0 '--help' "$KSNAP" --help
is "$out" "$overview" 'says the same'
commands=$(printf '%s\n' "$overview" | sed -n '/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p')
like "$commands" 'run.*capture.*serve.*help' 'the commands are listed'
for c in $commands; do
	exits 0 "help $c" "$KSNAP" help "$c"
	like "$out" "^Usage: ksnap $c" "help $c begins with its usage"
	by_word=$out
	exits 0 "$c --help" "$KSNAP" "$c" --help
	is "$out" "$by_word" "$c --help says the same"
	ok "$c is in the man page" grep -q "^\.It Ic $c\>" "$KSNAP_TOP_SRCDIR/bridge/man/ksnap.1"
	exits 2 "$c --no-such-option" "$KSNAP" "$c" --no-such-option
done
for name in $(sed -n 's/^\(ERROR\|LIMIT\|EVENT\|OP\)(\([A-Za-z_]*\),.*/\2/p' "$KSNAP_TOP_BUILDDIR"/schemas/{errors,limits,events,ops}.inc); do
	exits 0 "help $name" "$KSNAP" help "$name"
	like "$out" "^(Usage: ksnap )?$name" 'explains it, or the command of that name'
done
# Whatever a text is made of, it is there to its end.
words_of() { # COMMAND: its help on one line
	"$KSNAP" help "$1" | tr -s ' \n' ' '
}
serve=$(words_of serve)
cut='' switches=0
while IFS=$'\t' read -r name value doc; do
	switches=$((switches + 1))
	[[ $serve == *" --$name N $doc $value when not given."* ]] || cut+=" --$name"
done < <(sed -n 's/^LIMIT([A-Z_]*, \([0-9]*\)[^"]*, "[a-z]*", "[a-z]*", "[a-z]*", "--\([a-z-]*\) N", "\(.*\)")$/\2\t\1\t\3/p' \
	"$KSNAP_TOP_BUILDDIR/schemas/limits.inc")
is "$cut" '' 'no help of a switch of serve is cut'
is "$switches" "$(grep -c '"--max-' "$KSNAP_TOP_BUILDDIR/schemas/limits.inc")" 'all of them were looked at'
exits 2 'a key that the fixture does not know' "$KSNAP" serve --bind "ipc://$tap_dir/none" --target fixture:none=1
keys=$(sed -n 's/.*there are \(maps, .*\)/\1/p' <<<"$err" | tr -d ,)
like "$keys" '^maps .* and [a-z_]+$' 'it is told those that it does'
fixture=$(sed -n '/^\.It Cm fixture/,/^\.El/p' "$KSNAP_TOP_SRCDIR/bridge/man/ksnap.1")
missing=
for key in ${keys/ and / }; do
	grep -qw -- "$key" <<<"$fixture" || missing+=" $key"
done
is "$missing" '' 'and so is who reads the man page'
like "$("$KSNAP" help MAX_STORED_SNAPSHOTS)" ', 64.*serve --max-snapshots' 'a limit has its value and its switch'
like "$("$KSNAP" help eviction)" 'evicted_tag' 'an event its fields'
words=$(sed -n 's/.*"reason", "str", .*doc = "\(.*\)".*/\1/p' "$KSNAP_TOP_SRCDIR/schemas/event/watch_disarmed.lua" |
	grep -oE '[a-z]+_[a-z]+|unwatch|bye|hot|rebooted')
is "$(wc -l <<<"$words")" 13 'a watch ends for one of thirteen reasons'
for word in $words; do
	exits 0 "help $word" "$KSNAP" help "$word"
	like "$out" "^Usage: ksnap $word|$word: why a watch is over" 'explains the end of a watch, or the command'
done
like "$("$KSNAP" help E_BUSY)" 'may succeed later' 'an error says whether to try again'
exits 2 'a name that is nearly one' "$KSNAP" help E_BUSI
like "$err" "did you mean 'E_BUSY'" 'is corrected'
exits 2 'help of nothing' "$KSNAP" help lits
like "$err" "did you mean 'list'" 'a near one is proposed'

exits 0 'version' "$KSNAP" version
like "$out" 'libzmq +4\.' 'it names libzmq'
exits 0 '--version' "$KSNAP" --version
exits 0 'version -o json' "$KSNAP" version -o json
if [ -n "${PYTHON3:-}" ]; then
	is "$(json 'd["api"], d["protocol"]' <<<"$out")" '(1, 1)' 'is JSON'
fi
exits 0 'options before the command' "$KSNAP" -ojson version
like "$out" '^\{"version"' 'count too'

exits 1 'a full disk is an error' bash -c '"$1" help >/dev/full' - "$KSNAP"
like "$err" 'cannot write the output: No space left' 'with its reason'
# A pipe that nobody reads: open it both ways, open it to write, close the first.
mkfifo "$tap_dir/pipe"
exec 4<>"$tap_dir/pipe" 5>"$tap_dir/pipe" 4<&-
exits 1 'a closed pipe is an error' bash -c '"$1" help >&5' - "$KSNAP"
like "$err" 'cannot write the output: Broken pipe' 'with its reason'
finish
