-- +goose Up
-- Failed logins in a row, by a keyed hash of the account's or the device's name.
CREATE TABLE login_failures (
    key   BLOB    NOT NULL PRIMARY KEY CHECK (length(key) = 16),
    count INTEGER NOT NULL CHECK (count > 0),
    last  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX login_failures_by_last ON login_failures (last);
