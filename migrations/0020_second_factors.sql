-- Second factors, and passkeys, which are two factors in one.

-- What an app makes codes from (RFC 6238). It has to be known in the clear to check a code, so it is sealed with a key of this
-- installation, for this account alone. A row is written once a code has shown that the app has it.
create table second_factors (
    account_id uuid        primary key references accounts (id) on delete cascade,
    sealed     bytea       not null,
    -- The time step of the last code that was taken: neither it nor an earlier one is taken again.
    last_step  bigint      not null,
    created_at timestamptz not null default now()
);

-- Ways in for whoever has lost the app, each good once. Eighty random bits, so a plain hash will do.
create table recovery_codes (
    account_id uuid        not null references second_factors (account_id) on delete cascade,
    hash       bytea       not null check (octet_length(hash) = 32),
    used_at    timestamptz,
    primary key (account_id, hash)
);

-- Codes that were tried, on whichever instance: counted before anyone looks at them, taken out again where they were right.
create table code_tries (
    id         uuid        primary key,
    account_id uuid        not null references accounts (id) on delete cascade,
    -- A device on which somebody has signed in to this account; empty: all others together.
    device     text        not null,
    at         timestamptz not null default now()
);
create index code_tries_account on code_tries (account_id, device, at);
create index code_tries_at on code_tries (at);

-- Whoever has proven who they are once and is asked for a code. It opens nothing but the page that asks.
create table half_sign_ins (
    token_hash bytea       primary key check (octet_length(token_hash) = 32),
    account_id uuid        not null references accounts (id) on delete cascade,
    -- What was proven.
    proof      text        not null check (proof in ('password', 'mail', 'provider')),
    -- The path to go on to.
    next       text        not null,
    expires_at timestamptz not null
);
create index half_sign_ins_account on half_sign_ins (account_id);
create index half_sign_ins_expiry on half_sign_ins (expires_at);

-- Whether two factors were proven in it.
alter table sessions add column two_factors boolean not null default false;

create table passkeys (
    id            uuid        primary key,
    account_id    uuid        not null references accounts (id) on delete cascade,
    -- As the device names it.
    credential_id bytea       not null,
    -- What is needed to check its signatures, with the last count of them.
    credential    jsonb       not null,
    -- As its owner calls it.
    name          text        not null,
    created_at    timestamptz not null default now(),
    used_at       timestamptz,
    -- When it answered with a count that had gone back, as a copy would. It lets nobody in since.
    copied_at     timestamptz
);
create unique index passkeys_credential_id_key on passkeys (credential_id);
create index passkeys_account on passkeys (account_id, id);

-- What a device was asked to sign, to be answered once: to add a passkey to an account, or, without one, to sign in.
create table passkey_challenges (
    id         uuid        primary key,
    account_id uuid        references accounts (id) on delete cascade,
    -- What the passkey will be called, or the path to go on to.
    note       text        not null,
    -- What the browser is told.
    options    jsonb       not null,
    -- What the answer is held against.
    state      jsonb       not null,
    expires_at timestamptz not null
);
create index passkey_challenges_account on passkey_challenges (account_id);
create index passkey_challenges_expiry on passkey_challenges (expires_at);
