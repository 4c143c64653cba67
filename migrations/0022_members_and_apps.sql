-- What members do with their own account, and the apps that act for them.

-- When somebody was let in for the first time since we take note of it. From then on they are told of a device that is new.
alter table accounts add column entered_at timestamptz;

-- Whether the mail was asked for, by somebody who may be anyone. The others say what has happened to an account: nobody can use up
-- their number beforehand, and no other link's end is theirs.
alter table mailed_links add column asked boolean not null default true;

-- An account is to have another address. Both mailboxes have to say yes, in either order.
create table email_changes (
    id              uuid        primary key,
    account_id      uuid        not null unique references accounts (id) on delete cascade,
    -- The new one. Somebody may have an account with it; only its mailbox is told.
    email           text        not null,
    -- Whether the newsletter is to follow.
    with_newsletter boolean     not null,
    old_yes         boolean     not null default false,
    new_yes         boolean     not null default false,
    created_at      timestamptz not null default now(),
    expires_at      timestamptz not null
);
create index email_changes_email on email_changes (lower(email));
create index email_changes_expiry on email_changes (expires_at);

-- Programs on the devices of members, which can keep no secret of their own (RFC 8252). Their id is the client_id of OAuth.
create table apps (
    id            uuid        primary key,
    name          text        not null,
    -- Exactly where a code may be sent; any port of this machine itself where one of it is named.
    redirect_uris text[]      not null check (cardinality(redirect_uris) > 0),
    created_at    timestamptz not null default now(),
    revoked_at    timestamptz
);

-- A family of tokens is a session for which no browser has a cookie: it is listed, ends and runs out as any other.
alter table sessions
    add column by_token boolean not null default false,
    -- Which app, where it is one that was registered.
    add column app_id   uuid    references apps (id);
create index sessions_app on sessions (app_id) where app_id is not null;

-- 256 random bits each, here as SHA-256 alone.
create table app_tokens (
    hash       bytea       primary key check (octet_length(hash) = 32),
    session_id uuid        not null references sessions (id) on delete cascade,
    kind       text        not null check (kind in ('access', 'refresh')),
    expires_at timestamptz not null,
    -- A refresh token that was used: when, and what called itself so, for whoever lost the answer.
    used_at    timestamptz,
    used_by    text,
    -- What its successors were made of, beside the token itself: nobody can make them again without both.
    salt       bytea       check (octet_length(salt) = 32),
    check (kind = 'refresh' or used_at is null),
    check ((used_at is null) = (salt is null))
);
create index app_tokens_session on app_tokens (session_id);
create index app_tokens_expiry on app_tokens (expires_at);
create index app_tokens_used on app_tokens (used_at) where used_at is not null;

-- What an app is handed when its member agrees, to be changed into tokens within a minute, once.
create table app_codes (
    hash         bytea       primary key check (octet_length(hash) = 32),
    app_id       uuid        not null references apps (id) on delete cascade,
    -- The session in which its member agreed. With it the code is over too.
    session_id   uuid        references sessions (id) on delete set null,
    redirect_uri text        not null,
    -- PKCE, S256.
    challenge    text        not null,
    expires_at   timestamptz not null,
    used_at      timestamptz,
    -- The tokens that came of it; whoever brings the code once more ends them.
    family       uuid        references sessions (id) on delete set null
);
create index app_codes_session on app_codes (session_id) where session_id is not null;
create index app_codes_family on app_codes (family) where family is not null;
create index app_codes_expiry on app_codes (expires_at);

-- Whoever runs the site may delete their account too. What they did stays, as done by somebody who has left: a name is looked
-- for and may be gone.
alter table lead_history drop constraint lead_history_staff_id_fkey;
alter table erasures drop constraint erasures_by_fkey;
alter table imports drop constraint imports_by_fkey;
