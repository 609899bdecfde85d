#!/usr/bin/env bash
# A regression on this machine's cores, or over ssh, with GNU parallel:
#   SHARDS=8 SEEDS=1..2000 rigs/cluster/gnu-parallel.sh standard-mix [options of mediarig run]
# Over ssh, with a home that all machines share: PARALLEL='--sshlogin host1,host2 --workdir .'
set -euo pipefail
: "${MEDIARIG:=mediarig}" "${SHARDS:=$(nproc)}" "${SEEDS:=1..2000}" "${OUTPUT:=$PWD/mediarig-parallel}"
mkdir -p "$OUTPUT"

# A shard that finds a failure ends with an exit status; the others go on, and the merge says what it was.
seq "$SHARDS" | parallel --will-cite --line-buffer --tag --halt never \
    "$MEDIARIG" run "$@" --seeds "$SEEDS" --shard "{}/$SHARDS" --artifacts "$OUTPUT" || true
exec "$MEDIARIG" report merge "$OUTPUT" --junit "$OUTPUT/junit.xml" --html "$OUTPUT/index.html"
