-- Instants are microseconds since 1970 in UTC; durations are microseconds.
-- Lists of strings are JSON arrays.

-- +goose Up
-- Of two nodes that migrate at once the second fails here, as a whole, and then
-- sees what the first has done.
CREATE UNIQUE INDEX schema_version_once ON schema_version (version_id);

-- The high-water mark of time is the greatest of these; each is also a lock.
-- See clock.go.
CREATE TABLE clock (
    slot   smallint NOT NULL PRIMARY KEY,
    latest bigint   NOT NULL
);
INSERT INTO clock (slot, latest) SELECT n, 0 FROM generate_series(0, 15) AS n;

-- A rotation changes generation and rotated_at, which no index holds: the new
-- version of the row stays in its page (HOT), for which there is room.
-- The order of the columns leaves no gaps.
CREATE TABLE sessions (
    id            uuid    NOT NULL PRIMARY KEY,
    seed          uuid    NOT NULL,
    created_at    bigint  NOT NULL,
    rotated_at    bigint  NOT NULL, -- 0: never
    expires_at    bigint  NOT NULL,
    idle_timeout  bigint  NOT NULL, -- 0: none
    revoked_at    bigint,
    generation    integer NOT NULL, -- as an unsigned number of 32 bits
    due           integer NOT NULL, -- the minute since 1970 from which Prune looks at it
    subject       text    COLLATE "C" NOT NULL,
    client_id     text    COLLATE "C" NOT NULL,
    audience      text    COLLATE "C" NOT NULL,
    scope         text    COLLATE "C" NOT NULL,
    device        text    COLLATE "C" NOT NULL,
    revoke_reason text    COLLATE "C" NOT NULL,
    claims        bytea,
    CHECK (rotated_at < expires_at)
) WITH (fillfactor = 90);
CREATE INDEX sessions_by_subject ON sessions (subject);
CREATE INDEX sessions_by_due ON sessions (due);

CREATE TABLE users (
    id            text    COLLATE "C" NOT NULL PRIMARY KEY,
    name          text    COLLATE "C" NOT NULL UNIQUE,
    password_hash text    NOT NULL,
    disabled      boolean NOT NULL,
    version       bigint  NOT NULL,
    scopes        text    NOT NULL,
    roles         text    NOT NULL,
    created_at    bigint  NOT NULL
);

CREATE TABLE keys (
    use        text   NOT NULL CHECK (use IN ('access', 'refresh')),
    id         text   COLLATE "C" NOT NULL CHECK (id <> ''),
    algorithm  text   NOT NULL,
    state      text   NOT NULL CHECK (state IN ('next', 'active', 'retiring')),
    public     bytea,
    sealed     bytea,
    created_at bigint NOT NULL,
    active_at  bigint,
    retired_at bigint,
    gone_at    bigint,
    PRIMARY KEY (use, id)
);

-- Where the revocation log ends. Whoever appends has locked this row.
CREATE TABLE log_head (
    id    smallint NOT NULL PRIMARY KEY CHECK (id = 1),
    name  uuid     NOT NULL,
    seq   bigint   NOT NULL,
    at    bigint   NOT NULL, -- of the last entry
    chain bytea    NOT NULL
);
INSERT INTO log_head (id, name, seq, at, chain)
    VALUES (1, gen_random_uuid(), 0, 0, decode(repeat('00', 32), 'hex'));

CREATE TABLE log (
    seq    bigint NOT NULL PRIMARY KEY,
    before bigint, -- NULL: none
    at     bigint NOT NULL,
    kind   text   COLLATE "C" NOT NULL,
    value  text   COLLATE "C" NOT NULL,
    chain  bytea  NOT NULL
);
-- For pruning: few keys are ever revoked.
CREATE INDEX log_of_keys ON log (seq) WHERE kind = 'key';
