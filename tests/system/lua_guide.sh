#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each scenario that the guide shows passes as it stands there, and each op it names exists.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"

guide=$KSNAP_TOP_SRCDIR/lua/README.md
awk -v dir="$tap_dir" '/^```lua$/ { n++; on = 1; next } /^```$/ { on = 0 } on { print > dir "/guide" n ".lua" }' "$guide"
n=0
for file in "$tap_dir"/guide*.lua; do
	n=$((n + 1))
	exits 0 "scenario $n" "$KSNAP" run --target fixture:maps=2,entries=10 "$file"
	like "$out" '^ok 1|[[:space:]]ok 1' "is its test"
done
ok 'the guide has scenarios' test "$n" -ge 1

grep -o 'op\.[a-z_][a-z_]*' "$guide" | sort -u >"$tap_dir/ops"
{
	echo 'local op = require "ksnap".op'
	cat "$tap_dir/ops" | sed 's/.*/assert(&)/'
} >"$tap_dir/ops.lua"
exits 0 "the ops it names exist" "$KSNAP" run --target fixture "$tap_dir/ops.lua"
# Who comes from ktstr finds each of its ops and patterns in the table, with what it is here.
absent=
for name in AddCgroup AddCgroupDef RemoveCgroup SetCpuset ClearCpuset SwapCpusets Spawn StopCgroup SetAffinity SpawnHost \
	MoveAllTasks RunPayload WaitPayload KillPayload FreezeCgroup UnfreezeCgroup CaptureSnapshot WatchSnapshot \
	WriteKernelHot WriteKernelCold ReadKernelHot ReadKernelCold AttachScheduler DetachScheduler RestartScheduler \
	ReplaceScheduler PinBpfMap CaptureCgroupProcs HoldSpec live_var live_var_via vars_via max_by filter cpu_sum cpu_each \
	as_u64 is_placeholder SnapshotError nondecreasing rate_within steady_within converges_to ratio_within always_true \
	first_per_phase last_per_phase counter_delta_per_phase ratio_across_phases aggregate_by_phase zip_per_phase periodic_only \
	Symbol Direct Kva PerCpuField TaskField OrU32 Llc Numa Disjoint Overlap FULL set_ops push_op Backdrop stimulus \
	num_snapshots periodic_fired periodic_target max_by_counter_value max_by_sum_u64 MapNotFound VarNotFound \
	AmbiguousVar FieldNotFound NotAStruct TypeMismatch IndexOutOfRange PerCpuSlot NoMatch EmptyPathComponent \
	PerCpuNotNarrowed NoRendered PlaceholderSample MissingStats HostFieldUnavailable PlaceholderSnapshot NoActiveScheduler \
	ActiveFilterExcludedMaps DrainedSnapshotEntry MissingStatsReason from_drained iter_samples by_phase by_stimulus_phase \
	value_at_phase for_each_phase FracPair bpf_live_u64 live_bpf_vars_via stats_path key_names nondecreasing \
	strictly_increasing at_least at_most between with_defs with_payload set_hold OpKind ScenarioStart ScenarioPause \
	ScenarioResume ScenarioEnd MapRenderIncomplete ProjectionFailed WalkerDriftedWithinPhase NoSchedulerBinary \
	NoScheduler DuringFreeze Cancelled SchedulerError MissingResp RequestTooLarge ResponseTooLarge MutexPoisoned \
	by_stamped_phase; do
	awk '/^## Coming from ktstr/ { on = 1 } on' "$guide" | grep -qF "$name" || absent+=" $name"
done
is "$absent" '' 'all of ktstr is in the table'
ok 'they are some' test "$(wc -l <"$tap_dir/ops")" -ge 10
finish
