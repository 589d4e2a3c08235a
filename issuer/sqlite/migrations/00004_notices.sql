-- +goose Up
-- Who is told of revoked sessions, and since when nobody said so any more.
CREATE TABLE receivers (
    name     TEXT    NOT NULL PRIMARY KEY CHECK (name <> ''),
    named_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What waits for each of them, in the order in which it is told.
CREATE TABLE notices (
    receiver TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    session  BLOB    NOT NULL CHECK (length(session) = 16),
    subject  TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    PRIMARY KEY (receiver, at, session)
) STRICT, WITHOUT ROWID;
