-- A database of schema 1, as a connd of that schema wrote it: requests, refusals, overrides, a trial, a drain; then killed.
BEGIN TRANSACTION;
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
INSERT INTO "audit" VALUES(1,1795407462777,'token','set','127.0.0.1','idle_timeout',NULL,'30s','two are "not" enough');
INSERT INTO "audit" VALUES(2,1795407462777,'token','set','127.0.0.1','max_connections',NULL,'3','two are "not" enough');
INSERT INTO "audit" VALUES(3,1795407462781,'token','set','*.example.com','max_queue',NULL,'17',NULL);
INSERT INTO "audit" VALUES(4,1795407462784,'token','trial','','headers_timeout',NULL,'9s','a trial');
INSERT INTO "audit" VALUES(5,1795407465787,'token','set','*.example.com','max_queue','17','18',NULL);
INSERT INTO "audit" VALUES(6,1795407465796,'token','drain','http://127.0.0.1:40293',NULL,NULL,NULL,NULL);
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
INSERT INTO "closed_connections" VALUES(1,1,1,'demand','drained',1795407462435,1795407465791,1795407462617,'127.0.0.1:47190','127.0.0.1:40293',5,480,585,0,297,0,112,140,6,15,32768,0,43690666664);
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
INSERT INTO "exchanges" VALUES(1,2,1795407462618,'failed','GET','/b',502,'connection_refused','127.0.0.2:40293 refused the connection',6,0,0,'none',0,362,0,0,0,0,0,0,362,0,0);
INSERT INTO "exchanges" VALUES(2,2,1795407462619,'failed','GET','/b',502,'connection_refused','127.0.0.2:40293 refused the connection',7,0,0,'none',0,52433,0,0,0,0,0,0,52433,0,0);
INSERT INTO "exchanges" VALUES(3,2,1795407462672,'failed','GET','/b',502,'connection_refused','127.0.0.2:40293 refused the connection',8,0,0,'none',0,99460,0,0,0,0,0,0,99460,0,0);
INSERT INTO "exchanges" VALUES(4,3,1795407462772,'failed','GET','/refused',502,'connection_refused','127.0.0.1:1 refused the connection',9,0,0,'none',0,121,0,0,0,0,0,0,121,0,0);
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "facts" VALUES('highest_connection',1);
CREATE TABLE migrations (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;
INSERT INTO "migrations" VALUES(1,'initial','7794e5da0f44d429',1795407462335);
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
INSERT INTO "origins" VALUES(1,'http://127.0.0.1:40293',1795407464930,1795407467436,0,5,0,0,0,0,0,0,0,4,1,1,1,0,0,0,0,480,585,297,1188,0,0,0);
INSERT INTO "origins" VALUES(2,'http://127.0.0.2:40293',1795407464930,1795407464930,0,0,0,0,0,3,0,0,3,0,0,0,0,3,0,0,0,0,0,0,0,0,0,0);
INSERT INTO "origins" VALUES(3,'http://127.0.0.1:1',1795407464930,1795407464930,0,0,0,0,0,1,0,0,1,0,0,0,0,1,0,0,0,0,0,0,0,0,0,0);
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
INSERT INTO "rollup_10s" VALUES(179540746,0,0,5,0,0,0,4,0,0,4,4,1,1,1,4,0,0,0,480,585,297,1188,0,0,0,0,0,1,X'E1A80900041B01050101011D010401',X'D6161C01050201010801',X'899B141B0106010A01120401010401');
INSERT INTO "rollup_10s" VALUES(179540746,1,0,5,0,0,0,0,0,0,0,4,1,1,1,0,0,0,0,480,585,297,1188,0,0,0,0,0,1,X'A90200042001',X'D6161C01050201010801',X'D1F40A2B011204');
INSERT INTO "rollup_10s" VALUES(179540746,2,0,0,0,0,0,3,0,0,3,0,0,0,0,3,0,0,0,0,0,0,0,0,0,0,0,0,0,X'BFA50921011D010401',NULL,X'BFA50921011D010401');
INSERT INTO "rollup_10s" VALUES(179540746,3,0,0,0,0,0,1,0,0,1,0,0,0,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,X'791B01',NULL,X'791B01');
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
INSERT INTO "rollup_1h" VALUES(498724,0,0,5,0,0,0,4,0,0,4,4,1,1,1,4,0,0,0,480,585,297,1188,0,0,0,0,0,1,X'E1A80900041B01050101011D010401',X'D6161C01050201010801',X'899B141B0106010A01120401010401');
INSERT INTO "rollup_1h" VALUES(498724,1,0,5,0,0,0,0,0,0,0,4,1,1,1,0,0,0,0,480,585,297,1188,0,0,0,0,0,1,X'A90200042001',X'D6161C01050201010801',X'D1F40A2B011204');
INSERT INTO "rollup_1h" VALUES(498724,2,0,0,0,0,0,3,0,0,3,0,0,0,0,3,0,0,0,0,0,0,0,0,0,0,0,0,0,X'BFA50921011D010401',NULL,X'BFA50921011D010401');
INSERT INTO "rollup_1h" VALUES(498724,3,0,0,0,0,0,1,0,0,1,0,0,0,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,X'791B01',NULL,X'791B01');
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
INSERT INTO "rollup_1m" VALUES(29923457,0,0,5,0,0,0,4,0,0,4,4,1,1,1,4,0,0,0,480,585,297,1188,0,0,0,0,0,1,X'E1A80900041B01050101011D010401',X'D6161C01050201010801',X'899B141B0106010A01120401010401');
INSERT INTO "rollup_1m" VALUES(29923457,1,0,5,0,0,0,0,0,0,0,4,1,1,1,0,0,0,0,480,585,297,1188,0,0,0,0,0,1,X'A90200042001',X'D6161C01050201010801',X'D1F40A2B011204');
INSERT INTO "rollup_1m" VALUES(29923457,2,0,0,0,0,0,3,0,0,3,0,0,0,0,3,0,0,0,0,0,0,0,0,0,0,0,0,0,X'BFA50921011D010401',NULL,X'BFA50921011D010401');
INSERT INTO "rollup_1m" VALUES(29923457,3,0,0,0,0,0,1,0,0,1,0,0,0,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,X'791B01',NULL,X'791B01');
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
INSERT INTO "settings" VALUES('override','*.example.com','max_queue','18','token',NULL,1795407465787,'256','default',NULL);
INSERT INTO "settings" VALUES('override','127.0.0.1','idle_timeout','30s','token','two are "not" enough',1795407462777,'auto','default',NULL);
INSERT INTO "settings" VALUES('override','127.0.0.1','max_connections','3','token','two are "not" enough',1795407462777,'32','default',NULL);
INSERT INTO "settings" VALUES('trial','*','headers_timeout','9s','token','a trial',1795407462784,'1m','default',1795493862784);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('audit',6);
INSERT INTO "sqlite_sequence" VALUES('origins',3);
INSERT INTO "sqlite_sequence" VALUES('exchanges',4);
INSERT INTO "sqlite_sequence" VALUES('closed_connections',1);
COMMIT;
PRAGMA user_version = 1;
PRAGMA application_id = 1668247140;
