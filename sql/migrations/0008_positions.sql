-- Up Migration

-- Where devices say that they are. One partition a day (UTC), as for readings and for the same reasons: a fleet that moves
-- fills it as fast, and what is old goes by dropping a table.
CREATE TABLE device_positions (
  device_id text NOT NULL,
  time timestamptz NOT NULL,
  position geography(Point, 4326) NOT NULL,
  altitude_m double precision,
  received_at timestamptz NOT NULL,
  PRIMARY KEY (device_id, time)
) PARTITION BY RANGE (time);

-- The newest of them, by the device's clock: found without looking through every day.
CREATE TABLE newest_positions (
  device_id text PRIMARY KEY,
  time timestamptz NOT NULL,
  position geography(Point, 4326) NOT NULL,
  altitude_m double precision
);

-- When a mobile device was at its position, by its own clock; null while it is where an operator put it.
ALTER TABLE devices ADD COLUMN position_at timestamptz;

-- How far the clock of each device is behind ours: see core/telemetry/clock-offset.ts.
CREATE TABLE device_clocks (
  device_id text PRIMARY KEY,
  offset_ms integer NOT NULL,
  lowest_ms integer NOT NULL,
  highest_ms integer NOT NULL,
  samples_ms integer[] NOT NULL,
  envelopes bigint NOT NULL,
  updated_at timestamptz NOT NULL
);

-- Down Migration

DROP TABLE device_clocks;
ALTER TABLE devices DROP COLUMN position_at;
DROP TABLE newest_positions, device_positions;
