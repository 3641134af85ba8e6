-- What was learned of how long each origin keeps idle connections: the learner's state, which has a version of its own, and
-- when it last changed. In milliseconds since 1970, as everywhere.
CREATE TABLE learned_limits (
    origin TEXT PRIMARY KEY,
    state BLOB NOT NULL,
    changed INTEGER,
    time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
