#!/bin/sh
# Run once by the Postgres image on an empty volume: for each service a database, the role that owns
# its tables and the role the service works with; and Temporal's two databases with a role of theirs.
# The service's role gets its rights on the tables from `lianshen migrate`.
set -eu

role_and_database() { # database, role that owns it, password
  psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres --quiet \
    --set database="$1" --set role="$2" --set password="$3" <<'SQL'
SELECT format('CREATE ROLE %I LOGIN', :'role')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" PASSWORD :'password';
CREATE DATABASE :"database" OWNER :"role";
REVOKE CONNECT, TEMPORARY ON DATABASE :"database" FROM PUBLIC;
SQL
}

admit() { # database, role that may connect to it, password
  psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres --quiet \
    --set database="$1" --set role="$2" --set password="$3" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
GRANT CONNECT ON DATABASE :"database" TO :"role";
SQL
}

role_and_database intake intake_owner "$INTAKE_OWNER_PASSWORD"
admit intake intake "$INTAKE_PASSWORD"
role_and_database orchestrator orchestrator_owner "$ORCHESTRATOR_OWNER_PASSWORD"
admit orchestrator orchestrator "$ORCHESTRATOR_PASSWORD"
role_and_database departments departments_owner "$DEPARTMENTS_OWNER_PASSWORD"
admit departments departments "$DEPARTMENTS_PASSWORD"
role_and_database temporal temporal "$TEMPORAL_PASSWORD"
role_and_database temporal_visibility temporal "$TEMPORAL_PASSWORD"
