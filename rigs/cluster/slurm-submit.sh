#!/usr/bin/env bash
# Submits a regression to Slurm and joins its results when all tasks have ended:
#   SHARDS=64 SEEDS=1..100000 rigs/cluster/slurm-submit.sh standard-mix [options of mediarig run]
# Further options of sbatch come from its own variables: SBATCH_PARTITION, SBATCH_ACCOUNT, SBATCH_TIMELIMIT.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${SHARDS:=16}"
export OUTPUT=${OUTPUT:-$PWD/mediarig-$(date +%Y%m%d-%H%M%S)}
mkdir -p "$OUTPUT"
logs=(--output "$OUTPUT/%x-%A_%a.log")

array=$(sbatch --parsable "${logs[@]}" --array="1-$SHARDS" "$here/slurm-array.sh" "$@")
# afterany: a task that found a failure has not succeeded, and its results count all the same.
merge=$(sbatch --parsable --output "$OUTPUT/merge.log" --dependency="afterany:${array%%;*}" \
    "$here/slurm-merge.sh" "$OUTPUT")
echo "array job ${array%%;*}, then job ${merge%%;*}; results in $OUTPUT"
