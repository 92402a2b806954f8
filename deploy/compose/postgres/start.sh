#!/bin/sh
# PostgreSQL wants its key to be its own; a mounted secret belongs to somebody else.
set -eu
install -d -o postgres -g postgres -m 700 /run/tls
install -o postgres -g postgres -m 600 /run/secrets/postgres_key /run/tls/server.key
exec docker-entrypoint.sh postgres \
  -c ssl=on -c ssl_key_file=/run/tls/server.key -c ssl_cert_file=/etc/onewindow/postgres.crt \
  -c ssl_min_protocol_version=TLSv1.2 -c hba_file=/etc/onewindow/pg_hba.conf \
  -c max_connections=300 -c shared_buffers=128MB -c timezone=UTC -c log_timezone=UTC -c jit=off \
  -c max_wal_size=2GB -c checkpoint_timeout=15min
