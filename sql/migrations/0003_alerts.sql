-- Up Migration

CREATE TABLE alerts (
  id uuid PRIMARY KEY,
  rule_id text NOT NULL,
  subject text NOT NULL,
  version integer NOT NULL CHECK (version > 0),
  state text NOT NULL CHECK (state IN ('active', 'cleared', 'cancelled')),
  severity text NOT NULL,
  status text NOT NULL,
  headline text NOT NULL,
  position geography(Point, 4326),
  raised_at timestamptz NOT NULL,
  ended_at timestamptz,
  updated_at timestamptz NOT NULL
);
CREATE INDEX alerts_active ON alerts (raised_at DESC) WHERE state = 'active';
CREATE INDEX alerts_subject ON alerts (rule_id, subject, raised_at DESC);

CREATE TABLE alert_transitions (
  alert_id uuid NOT NULL REFERENCES alerts (id),
  version integer NOT NULL CHECK (version > 0),
  cursor text NOT NULL UNIQUE,
  kind text NOT NULL CHECK (kind IN ('raised', 'updated', 'cleared', 'cancelled')),
  actor text NOT NULL,
  at timestamptz NOT NULL,
  decided_at timestamptz NOT NULL,
  evidence jsonb NOT NULL,
  PRIMARY KEY (alert_id, version)
);

-- Down Migration

DROP TABLE alert_transitions, alerts;
