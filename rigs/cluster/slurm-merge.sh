#!/usr/bin/env bash
# Joins what the tasks of slurm-array.sh wrote: slurm-merge.sh OUTPUT
#SBATCH --job-name=mediarig-merge
#SBATCH --ntasks=1
#SBATCH --output=mediarig-merge-%j.log
set -euo pipefail
: "${MEDIARIG:=mediarig}"
exec "$MEDIARIG" report merge "$1" --junit "$1/junit.xml" --html "$1/index.html"
