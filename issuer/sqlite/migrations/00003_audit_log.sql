-- +goose Up
-- Where the audit log begins, ends, and was last sealed.
CREATE TABLE audit_head (
    id           INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    log          BLOB    NOT NULL CHECK (length(log) = 16),
    seq          INTEGER NOT NULL CHECK (seq >= 0),
    chain        BLOB    NOT NULL CHECK (length(chain) = 32),
    at           INTEGER,
    pruned       INTEGER NOT NULL CHECK (pruned >= 0),
    pruned_chain BLOB    NOT NULL CHECK (length(pruned_chain) = 32),
    sealed_seq   INTEGER NOT NULL CHECK (sealed_seq >= 0),
    sealed_chain BLOB    NOT NULL CHECK (length(sealed_chain) = 32),
    sealed_at    INTEGER,
    seal         BLOB
) STRICT;
INSERT INTO audit_head (id, log, seq, chain, pruned, pruned_chain, sealed_seq, sealed_chain)
    VALUES (1, randomblob(16), 0, zeroblob(32), 0, zeroblob(32), 0, zeroblob(32));

CREATE TABLE audit (
    seq       INTEGER NOT NULL PRIMARY KEY,
    at        INTEGER NOT NULL,
    action    TEXT    NOT NULL,
    actor     TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    user      TEXT    NOT NULL,
    client_id TEXT    NOT NULL,
    session   TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    reason    TEXT    NOT NULL,
    detail    TEXT    NOT NULL,
    count     INTEGER NOT NULL,
    address   TEXT    NOT NULL,
    agent     TEXT    NOT NULL,
    request   TEXT    NOT NULL,
    chain     BLOB    NOT NULL CHECK (length(chain) = 32)
) STRICT;
