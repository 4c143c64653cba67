-- Tasks that come round again. A row says: this task was done for this slot. Whoever writes the row first does it; all
-- others find it there, on whichever instance and by whichever door they come.
create table runs (
    id          uuid        primary key,
    task        text        not null,
    -- The beginning of the period it is done for; for a run that was asked for out of turn, the moment it was asked for.
    slot        timestamptz not null,
    trigger     text        not null check (trigger in ('cron', 'shell', 'scheduler', 'staff')),
    state       text        not null check (state in ('running', 'unfinished', 'done', 'failed', 'skipped')),
    -- How often someone has set about it.
    attempts    integer     not null default 1,
    -- Of the one who is at it. One whose time has passed has lost it.
    lease       uuid,
    lease_until timestamptz,
    started_at  timestamptz not null default now(),
    ended_at    timestamptz,
    -- How long it has been worked on, over all attempts.
    worked_ms   bigint      not null default 0,
    -- How many of what, over all attempts.
    output      jsonb       not null default '{}',
    -- What went wrong, in words for staff.
    remark      text,
    constraint runs_slot_key unique (task, slot),
    check ((state = 'running') = (lease is not null) and (lease is null) = (lease_until is null))
);
-- A task is never under way twice, whatever the slot.
create unique index runs_one_at_a_time on runs (task) where state = 'running';
create index runs_ended on runs (ended_at);

-- When a row goes for good, at least a day after it was marked and its owner told. Taken back where it is not old any more.
alter table leads add column goes_at timestamptz;
alter table outbox add column goes_at timestamptz;
create index leads_goes on leads (goes_at) where goes_at is not null;
create index outbox_goes on outbox (goes_at) where goes_at is not null;
create index leads_created on leads (created_at);

-- That someone was erased: when, by whom, how many rows of what. Not who.
create table erasures (
    id     uuid        primary key,
    at     timestamptz not null default now(),
    -- None: the operator, on the shell.
    by     uuid        references staff (id),
    counts jsonb       not null
);
create index erasures_by on erasures (by);

-- Files of the folder that is kept in step, and the post each has become.
create table synced_files (
    path    text        primary key,
    hash    bytea       not null check (octet_length(hash) = 32),
    post_id uuid        not null references posts (id) on delete cascade,
    at      timestamptz not null default now()
);
create index synced_files_post on synced_files (post_id);
