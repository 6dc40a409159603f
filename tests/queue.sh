#!/usr/bin/env bash
# Jobs in a queue of the real Kueue. Not part of .ci/run, where the fake API server simulates Kueue: building Kueue takes
# ten minutes, once per machine.
#
#   tests/queue.sh [FOLDER]   the folder of the commands `cluster` and `queue`; ../shared/cluster where none is given
set -euo pipefail
cd "$(dirname "$0")/.."
folder="$(cd "${1:-../shared/cluster}" && pwd)"
trap 'bash "$folder/queue" down; bash "$folder/cluster" down' EXIT
bash "$folder/queue" build
TOOLHOST_TEST_KUBECONFIG="$(bash "$folder/cluster" up | tail -n 1)"
export TOOLHOST_TEST_KUBECONFIG TOOLHOST_TEST_QUEUE_COMMAND="$folder/queue"
# Kueue exits if the API server does not serve its kinds yet; then it is started again.
bash "$folder/queue" up || bash "$folder/queue" up
# One after the other: they share a queue.
timeout 10m cargo test -p toolhost-cli --test it cluster::queue -- --ignored --test-threads 1 --nocapture
