-- Gateways that were set at run time, by whom, when and why. `listen` holds one address per line.
CREATE TABLE gateways (
    name TEXT PRIMARY KEY,
    origin TEXT NOT NULL,
    listen TEXT NOT NULL,
    preserve_host INTEGER NOT NULL,
    cookie_secure TEXT NOT NULL,
    socket_mode TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT,
    time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
