-- Up Migration

-- The API key as the MQTT broker keeps passwords (PBKDF2 with SHA-512, salted): it cannot be made from the other hash.
ALTER TABLE api_keys ADD COLUMN broker_hash text CHECK (broker_hash ~ '^\$7\$[0-9]+\$[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+$');

-- Down Migration

ALTER TABLE api_keys DROP COLUMN broker_hash;
