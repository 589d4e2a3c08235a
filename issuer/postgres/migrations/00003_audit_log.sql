-- +goose Up
-- Where the audit log begins, ends, and was last sealed. Whoever appends has
-- locked this row, as the last of its locks.
CREATE TABLE audit_head (
    id           smallint NOT NULL PRIMARY KEY CHECK (id = 1),
    log          uuid     NOT NULL,
    seq          bigint   NOT NULL,
    chain        bytea    NOT NULL,
    at           bigint, -- of the last entry; NULL: none yet
    pruned       bigint   NOT NULL,
    pruned_chain bytea    NOT NULL,
    sealed_seq   bigint   NOT NULL,
    sealed_chain bytea    NOT NULL,
    sealed_at    bigint,
    seal         bytea
);
INSERT INTO audit_head (id, log, seq, chain, pruned, pruned_chain, sealed_seq, sealed_chain)
    VALUES (1, gen_random_uuid(), 0, decode(repeat('00', 32), 'hex'), 0, decode(repeat('00', 32), 'hex'), 0, decode(repeat('00', 32), 'hex'));

CREATE TABLE audit (
    seq       bigint NOT NULL PRIMARY KEY,
    at        bigint NOT NULL,
    count     bigint NOT NULL,
    action    text   COLLATE "C" NOT NULL,
    actor     text   COLLATE "C" NOT NULL,
    subject   text   COLLATE "C" NOT NULL,
    user_name text   COLLATE "C" NOT NULL,
    client_id text   COLLATE "C" NOT NULL,
    session   text   COLLATE "C" NOT NULL,
    key       text   COLLATE "C" NOT NULL,
    reason    text   COLLATE "C" NOT NULL,
    detail    text   COLLATE "C" NOT NULL,
    address   text   COLLATE "C" NOT NULL,
    agent     text   COLLATE "C" NOT NULL,
    request   text   COLLATE "C" NOT NULL,
    chain     bytea  NOT NULL
);
