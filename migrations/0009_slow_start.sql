-- Kept exchanges whose connection's congestion window had collapsed by idleness; null in others. Milliseconds in which nothing
-- had been sent, segments before and after, how many more round trips that took, and the round trip in microseconds.
ALTER TABLE exchanges ADD COLUMN restart_idle INTEGER;
ALTER TABLE exchanges ADD COLUMN restart_window_before INTEGER;
ALTER TABLE exchanges ADD COLUMN restart_window INTEGER;
ALTER TABLE exchanges ADD COLUMN restart_round_trips INTEGER;
ALTER TABLE exchanges ADD COLUMN restart_rtt INTEGER;

-- Microseconds that requests waited for handshakes, and that uploads lost to collapsed windows.
ALTER TABLE origins ADD COLUMN handshake_waited INTEGER NOT NULL DEFAULT 0;
ALTER TABLE origins ADD COLUMN slow_start_lost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_10s ADD COLUMN handshake_waited INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_10s ADD COLUMN slow_start_lost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_1m ADD COLUMN handshake_waited INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_1m ADD COLUMN slow_start_lost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_1h ADD COLUMN handshake_waited INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_1h ADD COLUMN slow_start_lost INTEGER NOT NULL DEFAULT 0;
