-- The people who run the site, and their sessions.
create table staff (
    id            uuid        primary key,
    email         text        not null,
    name          text        not null,
    role          text        not null check (role in ('owner', 'editor')),
    password_hash text        not null,
    active        boolean     not null default true,
    created_at    timestamptz not null default now()
);
create unique index staff_email_key on staff (lower(email));

-- The cookie holds 256 random bits; only their SHA-256 is here, so a copy of the table opens nothing.
create table sessions (
    token_hash bytea       primary key check (octet_length(token_hash) = 32),
    staff_id   uuid        not null references staff (id) on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index sessions_staff on sessions (staff_id);
create index sessions_expiry on sessions (expires_at);

-- Keys this installation made for itself: form tokens, device cookies.
create table secrets (
    name  text  primary key,
    value bytea not null
);

-- Forms on live pages carry a random id. It is written in the transaction that has the effect, with the answer, so the
-- same form sent twice has one effect and one answer.
create table submissions (
    id       uuid        primary key,
    location text,
    at       timestamptz not null default now()
);
create index submissions_at on submissions (at);
