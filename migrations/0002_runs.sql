-- Each start of connd, numbered from 1. `ending` is null until it is known; `ended_at` is null where a run ended without
-- being able to write it.
CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    version TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    ending TEXT,
    detail TEXT
) STRICT;

-- All runs that have ended, by how: rows of `runs` age out, these never do.
CREATE TABLE run_endings (
    ending TEXT PRIMARY KEY,
    count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
