-- Keys of partners' programs. The secret is shown once; its SHA-256 is kept. The prefix tells keys apart.
create table api_keys (
    id         uuid        primary key,
    name       text        not null,
    prefix     text        not null,
    hash       bytea       not null constraint api_keys_hash_key unique check (octet_length(hash) = 32),
    scopes     text[]      not null,
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);
