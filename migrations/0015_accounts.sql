-- Everyone with an account. Whoever runs the site has a row in staff as well, under the same id.
--
-- There is no account whose address was not confirmed: what a sign-up says waits in mailed_links until the mailbox has said yes.
create table accounts (
    id            uuid        primary key,
    email         text        not null,
    name          text        not null,
    -- PHC string; none for those who sign in without one.
    password_hash text,
    active        boolean     not null default true,
    -- Counts changes to what its owner edits, for two windows with the same form.
    version       integer     not null default 1,
    created_at    timestamptz not null default now()
);
create unique index accounts_email_key on accounts (lower(email));

insert into accounts (id, email, name, password_hash, active, created_at)
    select id, email, name, password_hash, active, created_at from staff;
alter table staff
    drop column email,
    drop column name,
    drop column password_hash,
    drop column active,
    add constraint staff_id_fkey foreign key (id) references accounts (id) on delete cascade;

-- Which device, and when it was last seen: what people need to tell their sessions apart.
alter table sessions rename column staff_id to account_id;
alter table sessions
    drop constraint sessions_staff_id_fkey,
    add constraint sessions_account_id_fkey foreign key (account_id) references accounts (id) on delete cascade,
    add column id        uuid        not null default gen_random_uuid() unique,
    add column seen_at   timestamptz not null default now(),
    -- When it was last proven who is there.
    add column proven_at timestamptz not null default now(),
    -- As the browser called itself, cut short.
    add column device    text        not null default '',
    -- The network it was begun from, in words.
    add column network   text        not null default '';
alter index sessions_staff rename to sessions_account;

-- What somebody is asked by mail, to be answered once: by a link with a random part, of which only the hash is here.
create table mailed_links (
    id         uuid        primary key,
    account_id uuid        references accounts (id) on delete cascade,
    -- Where the mail goes.
    email      text        not null,
    -- The same without what stands after a plus: whom the mails are counted for.
    mailbox    text        not null,
    -- Whether it was asked for on a device that has signed in with this address: those are counted apart, so that strangers
    -- keep nobody out.
    at_home    boolean     not null,
    -- What happens when it is used.
    intent     jsonb       not null,
    -- A mail that is written again, because nobody knows whether it went, has another random part; each is good.
    hashes     bytea[]     not null default '{}',
    -- The random part itself, only where there is no server to send mail through: owners read the mail in the outbox.
    shown      bytea,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at    timestamptz
);
create index mailed_links_mailbox on mailed_links (mailbox, at_home, created_at);
create index mailed_links_email on mailed_links (lower(email));
create index mailed_links_account on mailed_links (account_id);
create index mailed_links_expiry on mailed_links (expires_at);
