-- Up Migration

-- What dashboards look for: alerts by when they began, those that had not ended at a time (most are null or long ago), and
-- transitions by when they were decided.
CREATE INDEX alerts_raised ON alerts (raised_at);
CREATE INDEX alerts_ended ON alerts (ended_at);
CREATE INDEX alert_transitions_decided ON alert_transitions (decided_at);

-- Devices inside a zone: both are geometry there, and the index of 0001 is on geography, which answers distances.
CREATE INDEX devices_place ON devices USING gist ((position::geometry));

-- Down Migration

DROP INDEX devices_place, alert_transitions_decided, alerts_ended, alerts_raised;
