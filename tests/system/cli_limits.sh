# SPDX-License-Identifier: MIT
# 300 captures under 300 tags: 64 stay, 236 leave in order, and every one of them is told.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
need_python

serve_start b --target fixture:maps=1,entries=1 || exit 1
failed=0
for i in {1..300}; do
	"$KSNAP" -q capture "tag_$i" -o msgpack >/dev/null || failed=$((failed + 1))
done
is "$failed" 0 '300 captures'
exits 0 'list' "$KSNAP" list -o json
is "$(json '[r["tag"] for r in d] == ["tag_%d" % i for i in range(237, 301)]' <<<"$out")" True \
	'the last 64 are there, in order'
exits 0 'events' "$KSNAP" events -o jsonl
is "$(jsonl 'len(d), set(e["k"] for e in d), set(e["cap"] for e in d)' <<<"$out")" \
	"(236, {'eviction'}, {64})" '236 evictions and nothing else'
is "$(jsonl '[e["evicted_tag"] for e in d] == ["tag_%d" % i for i in range(1, 237)]' <<<"$out")" True \
	'the oldest left first'
is "$(jsonl '[e["new_tag"] for e in d] == ["tag_%d" % i for i in range(65, 301)]' <<<"$out")" True \
	'each for the one that came'
is "$(jsonl '[e["seq"] for e in d] == list(range(1, 237))' <<<"$out")" True 'numbered without a hole'
exits 0 'status' "$KSNAP" status -o json
is "$(json '[(b["accepted"], b["stored"], b["evicted"]) for b in d["bridges"]]' <<<"$out")" "[(300, 64, 236)]" \
	'the books agree'
serve_stop

ok 'a smaller cap' serve_start small --target fixture:maps=1,entries=1 --max-snapshots 3 --max-events 2
for i in 1 2 3 4 5 6 7; do
	"$KSNAP" -q capture "s$i" >/dev/null
done
is "$("$KSNAP" list -o json | json '[r["tag"] for r in d]')" "['s5', 's6', 's7']" 'keeps three'
is "$("$KSNAP" events -o json | json '[(e["k"], e.get("dropped_count")) for e in d]')" \
	"[('eviction', None), ('eviction', None), ('event_log_truncated', 2)]" 'and two events, with the mark'
finish
