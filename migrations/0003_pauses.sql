-- Origins that an operator has paused and not resumed, by whom, when and why.
CREATE TABLE pauses (
    origin TEXT PRIMARY KEY,
    actor TEXT NOT NULL,
    reason TEXT,
    time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
