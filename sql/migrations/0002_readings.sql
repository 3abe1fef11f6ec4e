-- Up Migration

-- One partition a day (UTC), made ahead by the worker. No foreign keys and no triggers: a batch is checked before it comes
-- here, and this is the hot path.
CREATE TABLE readings (
  device_id text NOT NULL,
  metric_id smallint NOT NULL,
  time timestamptz NOT NULL,
  value double precision,
  value_string text,
  value_bool boolean,
  value_sum double precision,
  received_at timestamptz NOT NULL,
  late boolean NOT NULL,
  PRIMARY KEY (device_id, metric_id, time),
  CHECK (num_nonnulls(value, value_string, value_bool) <= 1),
  CHECK (num_nonnulls(value, value_string, value_bool, value_sum) >= 1)
) PARTITION BY RANGE (time);

-- Down Migration

DROP TABLE readings;
