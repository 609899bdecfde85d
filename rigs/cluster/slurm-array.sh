#!/usr/bin/env bash
# One shard per task of a Slurm array. Submit it with slurm-submit.sh, or by hand:
#   SEEDS=1..100000 sbatch --array=1-64 rigs/cluster/slurm-array.sh standard-mix
#SBATCH --job-name=mediarig
#SBATCH --array=1-16
#SBATCH --ntasks=1
#SBATCH --output=mediarig-%A_%a.log
set -euo pipefail

# MEDIARIG   the program, on a path that all nodes have
# SEEDS      all seeds of the regression, of which each task takes its share
# OUTPUT     a folder that all nodes have
# SHARD      only when some tasks are run again, with a smaller --array: "3/16"
: "${MEDIARIG:=mediarig}" "${SEEDS:=1..2000}" "${SHARD:=auto}"
: "${OUTPUT:=$SLURM_SUBMIT_DIR/mediarig-$SLURM_ARRAY_JOB_ID}"

exec "$MEDIARIG" run "$@" --seeds "$SEEDS" --shard "$SHARD" --jobs "${SLURM_CPUS_PER_TASK:-1}" \
    --artifacts "$OUTPUT"
