-- Who somebody is at an identity provider: by the issuer and what it calls them, never by an address, which may be given to
-- somebody else some day.
create table identities (
    issuer       text        not null,
    subject      text        not null,
    account_id   uuid        not null references accounts (id) on delete cascade,
    -- What we call the issuer, in addresses.
    provider     text        not null,
    -- The address they had there when they last came, so that they can tell one from the other.
    email        text,
    created_at   timestamptz not null default now(),
    last_used_at timestamptz not null default now(),
    primary key (issuer, subject)
);
create index identities_account on identities (account_id);
create index identities_email on identities (lower(email));

-- Somebody who was sent to a provider and is expected back. The statement that takes a row deletes it, so whoever comes twice,
-- to whichever instance, finds nothing.
create table identity_errands (
    state_hash   bytea       primary key check (octet_length(state_hash) = 32),
    -- Of what this browser has in a cookie: a state that was found, or given, is worth nothing elsewhere.
    browser_hash bytea       not null check (octet_length(browser_hash) = 32),
    provider     text        not null,
    nonce        text        not null,
    verifier     text        not null,
    -- The path to go on to.
    next         text        not null,
    -- The session that wants to add who they are there; none where somebody wants in.
    session_id   uuid        references sessions (id) on delete cascade,
    expires_at   timestamptz not null
);
create index identity_errands_expiry on identity_errands (expires_at);
create index identity_errands_session on identity_errands (session_id);

-- Somebody whom a provider knows, and whose address it does not vouch for: they are asked for one.
create table identity_arrivals (
    browser_hash bytea       primary key check (octet_length(browser_hash) = 32),
    issuer       text        not null,
    subject      text        not null,
    provider     text        not null,
    -- What the provider says they are called, and where they get mail, for them to correct.
    name         text,
    email        text,
    expires_at   timestamptz not null
);
create index identity_arrivals_email on identity_arrivals (lower(email));
create index identity_arrivals_expiry on identity_arrivals (expires_at);
