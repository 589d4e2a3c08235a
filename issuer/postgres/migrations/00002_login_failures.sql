-- +goose Up
-- Failed logins in a row, by a keyed hash of the account's or the device's name.
CREATE TABLE login_failures (
    key   uuid    NOT NULL PRIMARY KEY,
    last  bigint  NOT NULL,
    count integer NOT NULL CHECK (count > 0)
);
CREATE INDEX login_failures_by_last ON login_failures (last, key);
