-- What a key may do besides its scopes: until when, from where, how often. The secret of the day stays in api_keys; those it
-- has replaced are good for as long as the owner has said.
alter table api_keys
    -- What it hands in is for tests.
    add column test              boolean     not null default false,
    add column expires_at        timestamptz,
    -- Where it may come from; nothing is anywhere.
    add column allowed           cidr[]      not null default '{}',
    add column per_minute        integer     check (per_minute > 0),
    -- Exact, whatever instance is asked.
    add column per_day           integer     check (per_day > 0),
    add column rotated_at        timestamptz,
    -- To within a minute.
    add column last_used_at      timestamptz,
    add column last_used_network text;

create table api_key_old_secrets (
    hash       bytea       primary key check (octet_length(hash) = 32),
    key_id     uuid        not null references api_keys (id) on delete cascade,
    prefix     text        not null,
    good_until timestamptz not null
);
create index api_key_old_secrets_key on api_key_old_secrets (key_id, good_until desc);
create index api_key_old_secrets_end on api_key_old_secrets (good_until);

-- How often a key with a quota was used on the last day it was used, UTC. A table of its own: it is written with every
-- request, and nobody waits for a key's row.
create table api_key_usage (
    key_id uuid    primary key references api_keys (id) on delete cascade,
    day    date    not null,
    used   integer not null
) with (fillfactor = 50);

-- Handed in with a key for tests: nobody is told, nobody counts them, and they go by themselves.
alter table leads add column test boolean not null default false;
create index leads_test on leads (id desc) where test;
