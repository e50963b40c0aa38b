DROP TABLE throttles, recovery_codes, superseded_tokens;
ALTER TABLE sessions DROP COLUMN second_factor, DROP COLUMN authenticated_at, DROP COLUMN idle_expires_at;
ALTER TABLE users DROP COLUMN two_factor_generation, DROP COLUMN two_factor_step;
