-- Advice on origins and what has become of it: by which rule, its state by name, when it was given, and the rest of it as JSON,
-- which a version that does not understand it leaves out.
CREATE TABLE advice (
    origin TEXT NOT NULL,
    rule TEXT NOT NULL,
    state TEXT NOT NULL,
    time INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (origin, rule)
) STRICT, WITHOUT ROWID;
