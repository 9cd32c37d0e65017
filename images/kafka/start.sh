#!/bin/sh
# Becomes a Kafka broker; stacks start it with this script too, in a container or not.
#
#   start.sh JAVA ARGUMENTS PROPERTIES CLUSTER
#
# ARGUMENTS is a file of Java's own arguments. Paths in PROPERTIES are relative to its folder. Its
# log.dirs must be `data`, which is formatted for CLUSTER where it is new: the formatting tool ends
# its JVM, so it cannot share the broker's. It writes meta.properties last.
set -eu

java=$1 arguments=$2 properties=$3 cluster=$4

cd "$(dirname "$properties")"
if [ ! -e data/meta.properties ]; then
  "$java" "@$arguments" kafka.tools.StorageTool format --cluster-id "$cluster" --config "$properties"
fi
exec "$java" "@$arguments" kafka.Kafka "$properties"
