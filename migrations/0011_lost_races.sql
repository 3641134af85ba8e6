-- Kept exchanges that have lost the keep-alive race; null in others. Microseconds that the connection had been idle, requests
-- that it had served, what showed that it was gone, whether any byte of the request was acknowledged (null: not known), and
-- the microseconds that it cost.
ALTER TABLE exchanges ADD COLUMN race_idle INTEGER;
ALTER TABLE exchanges ADD COLUMN race_served INTEGER;
ALTER TABLE exchanges ADD COLUMN race_sign TEXT;
ALTER TABLE exchanges ADD COLUMN race_acknowledged INTEGER;
ALTER TABLE exchanges ADD COLUMN race_cost INTEGER;

-- Requests that idle connections were too old for, races that this prevented, and microseconds lost by those that were lost.
ALTER TABLE origins ADD COLUMN passed_over INTEGER NOT NULL DEFAULT 0;
ALTER TABLE origins ADD COLUMN races_prevented INTEGER NOT NULL DEFAULT 0;
ALTER TABLE origins ADD COLUMN race_lost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_10s ADD COLUMN passed_over INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_10s ADD COLUMN races_prevented INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_10s ADD COLUMN race_lost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_1m ADD COLUMN passed_over INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_1m ADD COLUMN races_prevented INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_1m ADD COLUMN race_lost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_1h ADD COLUMN passed_over INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_1h ADD COLUMN races_prevented INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_1h ADD COLUMN race_lost INTEGER NOT NULL DEFAULT 0;
