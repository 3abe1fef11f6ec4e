-- Up Migration

-- What happens to the platform's safety: see contracts/security-event.ts. No foreign key: a device is what somebody claimed.
CREATE TABLE security_events (
  id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind ~ '^[a-z][a-z-]{0,39}$'),
  at timestamptz NOT NULL,
  device_id text,
  address inet,
  code text,
  actor text NOT NULL,
  detail jsonb NOT NULL,
  stored_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX security_events_at ON security_events (at DESC);
CREATE INDEX security_events_device ON security_events (device_id, at DESC) WHERE device_id IS NOT NULL;
CREATE INDEX security_events_address ON security_events (address, at DESC) WHERE address IS NOT NULL;

-- Networks that operators refuse. A row stays when its block is ended, so that the projection learns of the end.
CREATE TABLE ip_blocks (
  network cidr PRIMARY KEY,
  reason text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  ended_at timestamptz,
  registry_version bigint NOT NULL
);
CREATE INDEX ip_blocks_registry_version ON ip_blocks (registry_version);

-- Down Migration

DROP TABLE ip_blocks, security_events;
