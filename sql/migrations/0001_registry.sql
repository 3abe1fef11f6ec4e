-- Up Migration

CREATE EXTENSION IF NOT EXISTS postgis;

-- Every change of the registry takes this row's lock, so that versions are committed in the order of their numbers and a
-- reader that has seen version n has seen all before it.
CREATE TABLE registry_state (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  version bigint NOT NULL
);
INSERT INTO registry_state (version) VALUES (1);

CREATE TABLE devices (
  id text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9][A-Za-z0-9:._-]{0,127}$'),
  class text NOT NULL DEFAULT 'fixed' CHECK (class IN ('fixed', 'mobile')),
  disabled boolean NOT NULL DEFAULT false,
  site text,
  owner text,
  position geography(Point, 4326),
  altitude_m double precision,
  created_at timestamptz NOT NULL DEFAULT now(),
  registry_version bigint NOT NULL
);
CREATE INDEX devices_registry_version ON devices (registry_version);
CREATE INDEX devices_position ON devices USING gist (position);

-- Two keys of a device may be active at once. A thumbprint belongs to one device: replay state is kept by it.
CREATE TABLE device_keys (
  device_id text NOT NULL REFERENCES devices (id),
  key_id text NOT NULL CHECK (key_id ~ '^[A-Za-z0-9_-]{1,32}$'),
  public_key bytea NOT NULL CHECK (length(public_key) = 65),
  thumbprint text NOT NULL UNIQUE,
  not_before timestamptz,
  not_after timestamptz,
  revoked_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (device_id, key_id)
);

CREATE TABLE api_keys (
  id text PRIMARY KEY,
  device_id text NOT NULL REFERENCES devices (id),
  secret_hash bytea NOT NULL CHECK (length(secret_hash) = 32),
  not_before timestamptz,
  not_after timestamptz,
  revoked_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  registry_version bigint NOT NULL
);
CREATE INDEX api_keys_device ON api_keys (device_id);
CREATE INDEX api_keys_registry_version ON api_keys (registry_version);

CREATE TABLE zones (
  id text PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
  name text NOT NULL,
  area geometry(MultiPolygon, 4326) NOT NULL CHECK (ST_IsValid(area)),
  registry_version bigint NOT NULL
);
CREATE INDEX zones_area ON zones USING gist (area);

-- Every version stays: a transition names the version that caused it.
CREATE TABLE rules (
  id text NOT NULL,
  version integer NOT NULL CHECK (version > 0),
  kind text NOT NULL,
  definition jsonb NOT NULL,
  enabled boolean NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  registry_version bigint NOT NULL,
  PRIMARY KEY (id, version)
);
CREATE INDEX rules_registry_version ON rules (registry_version);

-- metric_id counts from 1 within its device: readings carry two bytes instead of a name.
CREATE TABLE metrics (
  device_id text NOT NULL,
  metric_id smallint NOT NULL CHECK (metric_id BETWEEN 1 AND 64),
  name text NOT NULL CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
  unit text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (device_id, metric_id),
  UNIQUE (device_id, name)
);

-- Which logs this installation has had: a shard that is not listed has never had one, so that its first log has nothing
-- to refuse (contracts/shard-epoch.ts).
CREATE TABLE log_epochs (
  shard smallint NOT NULL,
  epoch text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (shard, epoch)
);

-- Down Migration

DROP TABLE log_epochs, metrics, rules, zones, api_keys, device_keys, devices, registry_state;
