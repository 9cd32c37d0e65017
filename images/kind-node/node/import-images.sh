#!/bin/bash
# Put images into a node before it is one: import-images.sh FOLDER, with FOLDER/*.tar as Docker saves
# them and FOLDER/names, lines of "REFERENCE NAME": what an image is called in its tar, and in a node.
set -euo pipefail

containerd >/tmp/containerd.log 2>&1 &
containerd=$!
for _ in $(seq 100); do
  if ctr version >/dev/null 2>&1; then
    break
  fi
  sleep 0.2
done
ctr version >/dev/null || {
  cat /tmp/containerd.log >&2
  exit 1
}

for tar in "$1"/*.tar; do
  # unpacked by each cluster for itself: what containerd unpacks onto could not become a layer
  ctr --namespace=k8s.io images import --no-unpack "$tar" >/dev/null
  rm "$tar"
done
while read -r reference name; do
  ctr --namespace=k8s.io images tag "$reference" "$name" >/dev/null
done <"$1/names"
while read -r reference name; do
  ctr --namespace=k8s.io images rm "$reference" >/dev/null 2>&1 || true
done <"$1/names"

kill "$containerd"
wait "$containerd" || true
rm -rf "$1" /tmp/containerd.log
