-- Up Migration

-- The version of the last change of what devices may do (keys, API keys, devices). Envelopes that were judged by an older
-- version of the registry are judged again before they are admitted.
ALTER TABLE registry_state ADD COLUMN trust_version bigint NOT NULL DEFAULT 1;
UPDATE registry_state SET trust_version = version;

-- Down Migration

ALTER TABLE registry_state DROP COLUMN trust_version;
