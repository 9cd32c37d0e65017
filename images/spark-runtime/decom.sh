#!/usr/bin/env bash
# What Kubernetes runs before it stops an executor's pod, where spark.decommission.enabled is set:
# tells the executor to hand over its blocks, and waits until it has ended.
set -euo pipefail

executor=$(pgrep -o -f 'org\.apache\.spark\.[^ ]*ExecutorBackend') || exit 0
kill -s PWR "$executor"
timeout 60 tail --pid="$executor" -f /dev/null
