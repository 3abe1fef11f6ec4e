-- Up Migration

-- Readings summed up: for each metric of a device one row per minute and one per hour (UTC), by the device's clock. Written in
-- the statement that stores the readings, from the rows that it really inserted, so that a redelivery changes nothing.
CREATE TABLE readings_minute (
  device_id text NOT NULL,
  metric_id smallint NOT NULL,
  -- The beginning of the minute.
  time timestamptz NOT NULL,
  -- All readings, and those of them that are numbers.
  readings bigint NOT NULL,
  numbers bigint NOT NULL,
  -- Of the numbers; null when there is none. The sum loses digits as any sum of doubles does.
  sum double precision,
  min double precision,
  max double precision,
  PRIMARY KEY (device_id, metric_id, time)
) PARTITION BY RANGE (time);

CREATE TABLE readings_hour (LIKE readings_minute INCLUDING ALL) PARTITION BY RANGE (time);

-- Down Migration

DROP TABLE readings_hour, readings_minute;
