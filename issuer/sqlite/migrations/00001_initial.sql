-- Instants are microseconds since 1970 in UTC; durations are microseconds.
-- Lists of strings are JSON arrays.

-- +goose Up
-- "jeto": tells our files from those of other programs.
PRAGMA application_id = 1784968303;

-- The high-water mark of time. Every write raises it.
CREATE TABLE clock (
    id     INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    latest INTEGER NOT NULL CHECK (latest >= 0)
) STRICT;
INSERT INTO clock (id, latest) VALUES (1, 0);

CREATE TABLE sessions (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    generation    INTEGER NOT NULL CHECK (generation BETWEEN 0 AND 4294967295),
    created_at    INTEGER NOT NULL,
    rotated_at    INTEGER          CHECK (rotated_at >= created_at AND rotated_at < expires_at),
    expires_at    INTEGER NOT NULL CHECK (expires_at > created_at),
    idle_timeout  INTEGER NOT NULL CHECK (idle_timeout >= 0),
    revoked_at    INTEGER          CHECK (revoked_at >= coalesce(rotated_at, created_at)),
    revoke_reason TEXT    NOT NULL CHECK (revoked_at IS NOT NULL OR revoke_reason = ''),
    seed          BLOB    NOT NULL CHECK (length(seed) = 16),
    subject       TEXT    NOT NULL CHECK (subject <> ''),
    client_id     TEXT    NOT NULL,
    audience      TEXT    NOT NULL CHECK (json_type(audience) = 'array'),
    scope         TEXT    NOT NULL,
    claims        BLOB,
    device        TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Neither holds a column that a rotation changes, so a rotation writes one page
-- of sessions and one of clock.
CREATE INDEX sessions_by_subject ON sessions (subject, created_at) WHERE revoked_at IS NULL;
CREATE INDEX sessions_by_age ON sessions (created_at) WHERE revoked_at IS NULL;

CREATE TABLE users (
    id            TEXT    NOT NULL PRIMARY KEY CHECK (id <> ''),
    name          TEXT    NOT NULL UNIQUE CHECK (name <> ''),
    password_hash TEXT    NOT NULL,
    disabled      INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    version       INTEGER NOT NULL CHECK (version >= 1),
    scopes        TEXT    NOT NULL CHECK (json_type(scopes) = 'array'),
    roles         TEXT    NOT NULL CHECK (json_type(roles) = 'array'),
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    use        TEXT    NOT NULL CHECK (use IN ('access', 'refresh')),
    id         TEXT    NOT NULL CHECK (id <> ''),
    algorithm  TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('next', 'active', 'retiring')),
    public     BLOB,
    sealed     BLOB,
    created_at INTEGER NOT NULL,
    active_at  INTEGER,
    retired_at INTEGER,
    PRIMARY KEY (use, id)
) STRICT, WITHOUT ROWID;
