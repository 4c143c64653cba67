-- What is to be done after a transaction has committed: mail, calls to other programs, work that takes long. A row is
-- written in the transaction that causes it, so an effect is neither lost nor had without its cause.
create table outbox (
    id        uuid        primary key,
    kind      text        not null,
    -- What to do, by reference: texts and addresses stay where they are kept, and are gone when they are erased there.
    job       jsonb       not null,
    -- What it was done for, such as lead:{id}.
    cause     text        not null,
    -- Whom it reaches, in lower case, where it is a mail.
    recipient text,
    -- The effect there may be only one of.
    once      text        constraint outbox_once_key unique,
    -- Rows that are held and let go together, such as those of one newsletter issue.
    batch     uuid,
    held      boolean     not null default false,
    -- Smaller is earlier.
    priority  smallint    not null default 0,
    state     text        not null default 'waiting' check (state in ('waiting', 'done', 'dead', 'dropped')),
    -- When it may be taken; while someone has it, when their lease ends.
    due_at    timestamptz not null default now(),
    -- Of the one who has it. One whose due time has passed has lost it.
    lease     uuid,
    attempts  integer     not null default 0,
    -- What became of it, in words for staff.
    remark    text,
    created_at timestamptz not null default now(),
    ended_at  timestamptz
);
create index outbox_due on outbox (priority, due_at) where state = 'waiting' and not held;
create index outbox_state on outbox (state, id desc);
create index outbox_recipient on outbox (recipient, id desc) where recipient is not null;
create index outbox_cause on outbox (cause);
create index outbox_batch on outbox (batch, state) where batch is not null;
create index outbox_ended on outbox (ended_at) where ended_at is not null;

-- Addresses that want no mail of a purpose, or cannot be reached; 'all' is every purpose.
create table suppressions (
    email   text        not null check (email = lower(email)),
    purpose text        not null,
    reason  text        not null,
    at      timestamptz not null default now(),
    primary key (email, purpose)
);

-- When a member of staff wants to hear of new leads. Hours are of their own time zone; where both are the same, there are no
-- quiet hours.
alter table staff
    add column notify_leads boolean  not null default true,
    add column quiet_from   smallint not null default 0 check (quiet_from between 0 and 23),
    add column quiet_until  smallint not null default 0 check (quiet_until between 0 and 23),
    add column time_zone    text     not null default 'UTC';
