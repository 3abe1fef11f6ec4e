-- Up Migration

-- A token lets one device in once. Of its text only the hash is kept; what the device becomes is said here and not by
-- whoever holds the token.
CREATE TABLE enrolment_tokens (
  hash bytea PRIMARY KEY CHECK (length(hash) = 32),
  device_id text CHECK (device_id ~ '^[A-Za-z0-9][A-Za-z0-9:._-]{0,127}$'),
  class text NOT NULL DEFAULT 'fixed' CHECK (class IN ('fixed', 'mobile')),
  site text,
  owner text,
  position geography(Point, 4326),
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  used_by text REFERENCES devices (id),
  created_at timestamptz NOT NULL DEFAULT now(),
  registry_version bigint NOT NULL,
  CHECK ((used_at IS NULL) = (used_by IS NULL))
);
CREATE INDEX enrolment_tokens_registry_version ON enrolment_tokens (registry_version);

-- What became of each request of a device to change the registry: written in the transaction that carries it out, so that
-- a request that is delivered again finds its own outcome and not the traces of its first delivery.
CREATE TABLE registry_requests (
  id text PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('enrolment', 'key')),
  outcome jsonb NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT now()
);

-- Down Migration

DROP TABLE registry_requests, enrolment_tokens;
