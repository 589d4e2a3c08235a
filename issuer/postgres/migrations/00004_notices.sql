-- +goose Up
-- Who is told of revoked sessions, and since when nobody said so any more.
CREATE TABLE receivers (
    name     text   COLLATE "C" NOT NULL PRIMARY KEY CHECK (name <> ''),
    named_at bigint NOT NULL
);

-- What waits for each of them, in the order in which it is told.
CREATE TABLE notices (
    receiver text   COLLATE "C" NOT NULL,
    at       bigint NOT NULL,
    session  uuid   NOT NULL,
    subject  text   COLLATE "C" NOT NULL,
    reason   text   COLLATE "C" NOT NULL,
    PRIMARY KEY (receiver, at, session)
);
