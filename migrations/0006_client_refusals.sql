-- Clients that refused connd's certificate for a host, `count` times in a row. `client` is `ClientIdentity`'s canonical
-- text; `alert` is what it sent the last time, null where it closed the connection.
CREATE TABLE client_refusals (
    host TEXT NOT NULL,
    client TEXT NOT NULL,
    hello INTEGER NOT NULL,
    alert INTEGER,
    count INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (host, client, hello)
) STRICT, WITHOUT ROWID;
