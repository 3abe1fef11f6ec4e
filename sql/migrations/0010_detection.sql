-- Up Migration

-- What alerts about a device are at most: an exercise asks nobody to act. And names of its own for rules to find it by.
ALTER TABLE devices
  ADD COLUMN status text NOT NULL DEFAULT 'Actual' CHECK (status IN ('Actual', 'Exercise', 'Test')),
  ADD COLUMN tags text[] NOT NULL DEFAULT '{}';

-- Who looks after an alert, and since when; null while nobody has said so.
ALTER TABLE alerts
  ADD COLUMN acknowledged_by text,
  ADD COLUMN acknowledged_at timestamptz;

-- What an operator had to say.
ALTER TABLE alert_transitions ADD COLUMN note text;
