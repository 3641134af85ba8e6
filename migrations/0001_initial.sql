-- Times are milliseconds since 1970 (UTC) unless said otherwise; settings, patterns and origins are text in the one
-- form that the daemon writes. Enum values are kept by name, so that reordering an enum never changes what a row means.

CREATE TABLE migrations (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;

-- What was set while the daemon ran. The pattern * means every origin.
CREATE TABLE settings (
    layer TEXT NOT NULL,
    pattern TEXT NOT NULL,
    setting TEXT NOT NULL,
    value TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT,
    time INTEGER NOT NULL,
    base_value TEXT NOT NULL,
    base_source TEXT NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (layer, pattern, setting)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    setting TEXT,
    before TEXT,
    after TEXT,
    reason TEXT
) STRICT;

-- Lifetime totals. An id is never given twice: roll-ups of an origin that was dropped must not become another's.
CREATE TABLE origins (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    informational INTEGER NOT NULL DEFAULT 0, success INTEGER NOT NULL DEFAULT 0,
    redirection INTEGER NOT NULL DEFAULT 0, client_error INTEGER NOT NULL DEFAULT 0,
    server_error INTEGER NOT NULL DEFAULT 0, proxy_error INTEGER NOT NULL DEFAULT 0, cut INTEGER NOT NULL DEFAULT 0,
    aborted INTEGER NOT NULL DEFAULT 0, errors INTEGER NOT NULL DEFAULT 0, reused INTEGER NOT NULL DEFAULT 0,
    first_leases INTEGER NOT NULL DEFAULT 0, opened INTEGER NOT NULL DEFAULT 0, closed INTEGER NOT NULL DEFAULT 0,
    dial_failures INTEGER NOT NULL DEFAULT 0, retries INTEGER NOT NULL DEFAULT 0,
    stale_retried INTEGER NOT NULL DEFAULT 0, stale_surfaced INTEGER NOT NULL DEFAULT 0,
    bytes_sent INTEGER NOT NULL DEFAULT 0, bytes_received INTEGER NOT NULL DEFAULT 0,
    handshake_paid INTEGER NOT NULL DEFAULT 0, handshake_saved INTEGER NOT NULL DEFAULT 0,
    tunnels INTEGER NOT NULL DEFAULT 0, tunnel_bytes_sent INTEGER NOT NULL DEFAULT 0,
    tunnel_bytes_received INTEGER NOT NULL DEFAULT 0
) STRICT;

-- A bucket is numbered by its start divided by its width. Origin 0 is all origins together. Bucket first: a batch then
-- touches neighbouring pages, and what is old goes as a range; one origin's row is found by seeking each bucket.
CREATE TABLE rollup_10s (
    bucket INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    informational INTEGER NOT NULL DEFAULT 0, success INTEGER NOT NULL DEFAULT 0,
    redirection INTEGER NOT NULL DEFAULT 0, client_error INTEGER NOT NULL DEFAULT 0,
    server_error INTEGER NOT NULL DEFAULT 0, proxy_error INTEGER NOT NULL DEFAULT 0, cut INTEGER NOT NULL DEFAULT 0,
    aborted INTEGER NOT NULL DEFAULT 0, errors INTEGER NOT NULL DEFAULT 0, reused INTEGER NOT NULL DEFAULT 0,
    first_leases INTEGER NOT NULL DEFAULT 0, opened INTEGER NOT NULL DEFAULT 0, closed INTEGER NOT NULL DEFAULT 0,
    dial_failures INTEGER NOT NULL DEFAULT 0, retries INTEGER NOT NULL DEFAULT 0,
    stale_retried INTEGER NOT NULL DEFAULT 0, stale_surfaced INTEGER NOT NULL DEFAULT 0,
    bytes_sent INTEGER NOT NULL DEFAULT 0, bytes_received INTEGER NOT NULL DEFAULT 0,
    handshake_paid INTEGER NOT NULL DEFAULT 0, handshake_saved INTEGER NOT NULL DEFAULT 0,
    tunnels INTEGER NOT NULL DEFAULT 0, tunnel_bytes_sent INTEGER NOT NULL DEFAULT 0,
    tunnel_bytes_received INTEGER NOT NULL DEFAULT 0,
    peak_waiting INTEGER NOT NULL DEFAULT 0, peak_active INTEGER NOT NULL DEFAULT 0,
    peak_connections INTEGER NOT NULL DEFAULT 0,
    queue_time BLOB, first_byte_time BLOB, total_time BLOB,
    PRIMARY KEY (bucket, origin)
) STRICT, WITHOUT ROWID;

CREATE TABLE rollup_1m (
    bucket INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    informational INTEGER NOT NULL DEFAULT 0, success INTEGER NOT NULL DEFAULT 0,
    redirection INTEGER NOT NULL DEFAULT 0, client_error INTEGER NOT NULL DEFAULT 0,
    server_error INTEGER NOT NULL DEFAULT 0, proxy_error INTEGER NOT NULL DEFAULT 0, cut INTEGER NOT NULL DEFAULT 0,
    aborted INTEGER NOT NULL DEFAULT 0, errors INTEGER NOT NULL DEFAULT 0, reused INTEGER NOT NULL DEFAULT 0,
    first_leases INTEGER NOT NULL DEFAULT 0, opened INTEGER NOT NULL DEFAULT 0, closed INTEGER NOT NULL DEFAULT 0,
    dial_failures INTEGER NOT NULL DEFAULT 0, retries INTEGER NOT NULL DEFAULT 0,
    stale_retried INTEGER NOT NULL DEFAULT 0, stale_surfaced INTEGER NOT NULL DEFAULT 0,
    bytes_sent INTEGER NOT NULL DEFAULT 0, bytes_received INTEGER NOT NULL DEFAULT 0,
    handshake_paid INTEGER NOT NULL DEFAULT 0, handshake_saved INTEGER NOT NULL DEFAULT 0,
    tunnels INTEGER NOT NULL DEFAULT 0, tunnel_bytes_sent INTEGER NOT NULL DEFAULT 0,
    tunnel_bytes_received INTEGER NOT NULL DEFAULT 0,
    peak_waiting INTEGER NOT NULL DEFAULT 0, peak_active INTEGER NOT NULL DEFAULT 0,
    peak_connections INTEGER NOT NULL DEFAULT 0,
    queue_time BLOB, first_byte_time BLOB, total_time BLOB,
    PRIMARY KEY (bucket, origin)
) STRICT, WITHOUT ROWID;

CREATE TABLE rollup_1h (
    bucket INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    informational INTEGER NOT NULL DEFAULT 0, success INTEGER NOT NULL DEFAULT 0,
    redirection INTEGER NOT NULL DEFAULT 0, client_error INTEGER NOT NULL DEFAULT 0,
    server_error INTEGER NOT NULL DEFAULT 0, proxy_error INTEGER NOT NULL DEFAULT 0, cut INTEGER NOT NULL DEFAULT 0,
    aborted INTEGER NOT NULL DEFAULT 0, errors INTEGER NOT NULL DEFAULT 0, reused INTEGER NOT NULL DEFAULT 0,
    first_leases INTEGER NOT NULL DEFAULT 0, opened INTEGER NOT NULL DEFAULT 0, closed INTEGER NOT NULL DEFAULT 0,
    dial_failures INTEGER NOT NULL DEFAULT 0, retries INTEGER NOT NULL DEFAULT 0,
    stale_retried INTEGER NOT NULL DEFAULT 0, stale_surfaced INTEGER NOT NULL DEFAULT 0,
    bytes_sent INTEGER NOT NULL DEFAULT 0, bytes_received INTEGER NOT NULL DEFAULT 0,
    handshake_paid INTEGER NOT NULL DEFAULT 0, handshake_saved INTEGER NOT NULL DEFAULT 0,
    tunnels INTEGER NOT NULL DEFAULT 0, tunnel_bytes_sent INTEGER NOT NULL DEFAULT 0,
    tunnel_bytes_received INTEGER NOT NULL DEFAULT 0,
    peak_waiting INTEGER NOT NULL DEFAULT 0, peak_active INTEGER NOT NULL DEFAULT 0,
    peak_connections INTEGER NOT NULL DEFAULT 0,
    queue_time BLOB, first_byte_time BLOB, total_time BLOB,
    PRIMARY KEY (bucket, origin)
) STRICT, WITHOUT ROWID;

-- durations in microseconds
CREATE TABLE closed_connections (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    number INTEGER NOT NULL UNIQUE,
    origin INTEGER NOT NULL,
    cause TEXT NOT NULL,
    reason TEXT,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER NOT NULL,
    idle_since INTEGER,
    local TEXT,
    remote TEXT,
    requests INTEGER NOT NULL,
    bytes_sent INTEGER NOT NULL,
    bytes_received INTEGER NOT NULL,
    dns_time INTEGER NOT NULL,
    connect_time INTEGER NOT NULL,
    tls_time INTEGER NOT NULL,
    tcp_rtt INTEGER,
    tcp_rtt_variance INTEGER,
    tcp_min_rtt INTEGER,
    tcp_window INTEGER,
    tcp_segment INTEGER,
    tcp_retransmits INTEGER,
    tcp_delivery_rate INTEGER
) STRICT;

-- Slow and failed ones; durations in microseconds.
CREATE TABLE exchanges (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    origin INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    method TEXT NOT NULL,
    target TEXT NOT NULL,
    status INTEGER NOT NULL,
    error TEXT,
    error_detail TEXT,
    client INTEGER NOT NULL,
    connection INTEGER NOT NULL,
    reused INTEGER NOT NULL,
    lease_cause TEXT NOT NULL,
    retries INTEGER NOT NULL,
    queue_time INTEGER NOT NULL,
    dns_time INTEGER NOT NULL,
    connect_time INTEGER NOT NULL,
    tls_time INTEGER NOT NULL,
    send_time INTEGER NOT NULL,
    first_byte_time INTEGER NOT NULL,
    body_time INTEGER NOT NULL,
    total_time INTEGER NOT NULL,
    bytes_from_client INTEGER NOT NULL,
    bytes_to_client INTEGER NOT NULL
) STRICT;

-- `highest_connection`: the highest number ever recorded. `thinned_until`: the hour up to which rows are thinned.
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
