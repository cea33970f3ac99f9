#!/bin/sh
# Creates the namespace and the two search attributes of the application workflow, where they are
# missing. TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and RETENTION come from the environment.
set -eu

temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"

# A new namespace is known to every part of the server only after some seconds.
tries=0
until known=$(temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE"); do
  tries=$((tries + 1))
  [ "$tries" -lt 30 ] || exit 1
  sleep 2
done
for name in ProjectCode Scenario; do
  echo "$known" | grep -qw "$name" ||
    temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
      --name "$name" --type Keyword
done
