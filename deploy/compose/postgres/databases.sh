#!/bin/sh
# A database for every house with its owner, its service's login and the audit's. Runs at every start and changes
# nothing that is as it should be, so a new department gets its database like the first ones did.
set -eu
PGPASSWORD="$(cat /run/secrets/postgres_password)"
export PGPASSWORD PGHOST=postgres PGUSER=onewindow_admin PGDATABASE=postgres
export PGSSLMODE=verify-full PGSSLROOTCERT=/etc/onewindow/ca.crt
psql -q --no-psqlrc -v ON_ERROR_STOP=1 -v password="$(cat /run/secrets/healer_database_password)" \
  -f /etc/onewindow/healer.sql
while read -r name service owner app audit; do
  psql -q --no-psqlrc -v ON_ERROR_STOP=1 -v name="$name" -v service="$service" \
    -v owner="$owner" -v app="$app" -v audit="$audit" -f /etc/onewindow/database.sql
done </run/secrets/databases
echo "$(wc -l </run/secrets/databases) databases are there"
