#!/bin/sh
# Brings Temporal's two databases to the form this version of the server needs. May run again.
set -eu

for database in temporal temporal_visibility; do
  case $database in
    temporal) folder=/etc/temporal/schema/postgresql/v12/temporal/versioned ;;
    *) folder=/etc/temporal/schema/postgresql/v12/visibility/versioned ;;
  esac
  tool() {
    temporal-sql-tool --plugin postgres12 --ep postgres --port 5432 --user temporal \
      --database "$database" "$@"
  }
  tool setup-schema --version 0.0
  tool update-schema --schema-dir "$folder"
done
