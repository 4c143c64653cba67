-- What a program has asked for once, under a key of its own, and what it was answered: the same request with the same key
-- gets the same answer (IETF draft "The Idempotency-Key HTTP Header Field"). Key, effect and answer are one transaction.
create table idempotency_keys (
    -- Whose key it is: an API key, or an account.
    caller      uuid        not null,
    key         text        not null check (octet_length(key) between 1 and 255),
    -- SHA-256 of what was asked for.
    fingerprint bytea       not null check (octet_length(fingerprint) = 32),
    -- The answer. Nobody sees a row without: it is written before the row is committed.
    status      smallint    check (status between 200 and 299),
    location    text,
    etag        text,
    body        bytea,
    -- The transaction, so that whoever asks again can be shown what it has changed.
    xid         xid8        not null default pg_current_xact_id(),
    at          timestamptz not null default now(),
    primary key (caller, key)
);
create index idempotency_keys_age on idempotency_keys (at);
