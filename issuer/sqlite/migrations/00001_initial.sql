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

-- What many sessions have in common. A row goes with its last session.
CREATE TABLE grants (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    sessions     INTEGER NOT NULL CHECK (sessions >= 0),
    client_id    TEXT    NOT NULL,
    audience     TEXT    NOT NULL CHECK (json_type(audience) = 'array'),
    scope        TEXT    NOT NULL,
    idle_timeout INTEGER NOT NULL CHECK (idle_timeout >= 0),
    UNIQUE (client_id, audience, scope, idle_timeout)
) STRICT;

-- Rows are as narrow as they can be, and a rotation does not change their
-- length, so that pages are full and stay whole: rotated_at is created_at - 1
-- until the first rotation, and counter is the generation - 2^31, which takes
-- four bytes from the start. number follows the order of creation.
CREATE TABLE sessions (
    number        INTEGER NOT NULL PRIMARY KEY,
    id            BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    counter       INTEGER NOT NULL CHECK (counter BETWEEN -2147483648 AND 2147483647),
    rotated_at    INTEGER NOT NULL CHECK (rotated_at >= created_at - 1 AND rotated_at < expires_at),
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL CHECK (expires_at > created_at),
    revoked_at    INTEGER          CHECK (revoked_at >= rotated_at AND revoked_at >= created_at),
    grant_id      INTEGER NOT NULL,
    seed          BLOB    NOT NULL CHECK (length(seed) = 16),
    subject       TEXT    NOT NULL CHECK (subject <> ''),
    -- When to see whether the session is over: its end as it was known when
    -- somebody last looked. A rotation moves the end and leaves this alone.
    due_at        INTEGER NOT NULL,
    revoke_reason TEXT    NOT NULL CHECK (revoked_at IS NOT NULL OR revoke_reason = ''),
    claims        BLOB,
    device        TEXT    NOT NULL,
    generation    INTEGER NOT NULL AS (counter + 2147483648) VIRTUAL
) STRICT;

-- None holds a column that a rotation changes, so a rotation writes one page of
-- sessions and one of clock.
CREATE INDEX sessions_by_subject ON sessions (subject) WHERE revoked_at IS NULL;
CREATE INDEX sessions_by_due ON sessions (due_at);

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
    gone_at    INTEGER,
    PRIMARY KEY (use, id)
) STRICT, WITHOUT ROWID;

-- The revocation log, and where it ends.
CREATE TABLE log_head (
    id    INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    log   BLOB    NOT NULL CHECK (length(log) = 16),
    seq   INTEGER NOT NULL CHECK (seq >= 0),
    chain BLOB    NOT NULL CHECK (length(chain) = 32)
) STRICT;
INSERT INTO log_head (id, log, seq, chain) VALUES (1, randomblob(16), 0, zeroblob(32));

CREATE TABLE log (
    seq    INTEGER NOT NULL PRIMARY KEY,
    kind   TEXT    NOT NULL CHECK (kind IN ('session', 'subject', 'client', 'key', 'all')),
    value  TEXT    NOT NULL CHECK ((value = '') = (kind = 'all')),
    before INTEGER          CHECK ((before IS NULL) = (kind IN ('session', 'key'))),
    at     INTEGER NOT NULL,
    chain  BLOB    NOT NULL CHECK (length(chain) = 32)
) STRICT;
-- For pruning: few keys are ever revoked.
CREATE INDEX log_of_keys ON log (seq) WHERE kind = 'key';
