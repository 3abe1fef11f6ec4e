#!/bin/sh
# Runs once, in a new database. Telltale owns it without being a superuser; dashboards may read what migrations let them.
set -eu
export SECRETS="${SECRETS:-/secrets/postgres}"
psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set owner_password `cat "$SECRETS/owner-password"`
\set reader_password `cat "$SECRETS/reader-password"`
CREATE EXTENSION IF NOT EXISTS postgis;
CREATE ROLE telltale LOGIN PASSWORD :'owner_password';
CREATE ROLE telltale_reader LOGIN PASSWORD :'reader_password';
-- A dashboard that asks for too much ends, and not the storing of what comes.
ALTER ROLE telltale_reader SET statement_timeout = '15s';
ALTER ROLE telltale_reader SET idle_in_transaction_session_timeout = '30s';
ALTER DATABASE :"DBNAME" OWNER TO telltale;
SQL
