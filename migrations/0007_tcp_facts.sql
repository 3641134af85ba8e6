-- More of what the kernel knew of a closed connection (TCP_INFO); null before this version. Durations in microseconds, but
-- for the last two, which are in milliseconds.
ALTER TABLE closed_connections ADD COLUMN tcp_slow_start_threshold INTEGER;
ALTER TABLE closed_connections ADD COLUMN tcp_congestion_state TEXT;
ALTER TABLE closed_connections ADD COLUMN tcp_segments_sent INTEGER;
ALTER TABLE closed_connections ADD COLUMN tcp_segments_received INTEGER;
ALTER TABLE closed_connections ADD COLUMN tcp_timeouts INTEGER;
ALTER TABLE closed_connections ADD COLUMN tcp_backoff INTEGER;
ALTER TABLE closed_connections ADD COLUMN tcp_lost INTEGER;
ALTER TABLE closed_connections ADD COLUMN tcp_unacknowledged INTEGER;
ALTER TABLE closed_connections ADD COLUMN tcp_delivery_limited_by_us INTEGER;
ALTER TABLE closed_connections ADD COLUMN tcp_bytes_acknowledged INTEGER;
ALTER TABLE closed_connections ADD COLUMN tcp_bytes_received INTEGER;
ALTER TABLE closed_connections ADD COLUMN tcp_busy_time INTEGER;
ALTER TABLE closed_connections ADD COLUMN tcp_window_limited_time INTEGER;
ALTER TABLE closed_connections ADD COLUMN tcp_buffer_limited_time INTEGER;
ALTER TABLE closed_connections ADD COLUMN tcp_since_data_sent INTEGER;
ALTER TABLE closed_connections ADD COLUMN tcp_since_acknowledged INTEGER;

-- What the kernel knew of the connection when a kept exchange ended; null where that was not known. The round trip in
-- microseconds; `tcp_retransmits` since the connection was last looked at, which may include exchanges before.
ALTER TABLE exchanges ADD COLUMN tcp_rtt INTEGER;
ALTER TABLE exchanges ADD COLUMN tcp_retransmits INTEGER;
ALTER TABLE exchanges ADD COLUMN tcp_unacknowledged INTEGER;
ALTER TABLE exchanges ADD COLUMN tcp_timeouts INTEGER;

-- Segments to origins, and the round trip as connections were sampled.
ALTER TABLE origins ADD COLUMN segments_sent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE origins ADD COLUMN segments_retransmitted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_10s ADD COLUMN segments_sent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_10s ADD COLUMN segments_retransmitted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_10s ADD COLUMN round_trip_time BLOB;
ALTER TABLE rollup_1m ADD COLUMN segments_sent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_1m ADD COLUMN segments_retransmitted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_1m ADD COLUMN round_trip_time BLOB;
ALTER TABLE rollup_1h ADD COLUMN segments_sent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_1h ADD COLUMN segments_retransmitted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_1h ADD COLUMN round_trip_time BLOB;
