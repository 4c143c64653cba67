-- Who gets mail from us, and on whose word. Rows are kept when someone leaves: that they left is what must not be forgotten.
create table subscribers (
    id           uuid        primary key,
    email        text        not null,
    status       text        not null check (status in ('pending', 'confirmed', 'unsubscribed', 'bounced')),
    -- Every topic there is or will be; otherwise those in subscriber_topics.
    all_topics   boolean     not null default true,
    digest       text        not null default 'none' check (digest in ('none', 'daily', 'weekly')),
    -- What the digests have told them of so far.
    digest_from  timestamptz not null default now(),
    time_zone    text        not null default 'UTC',
    source       text        not null check (source in ('website-form', 'staff', 'cli', 'import')),
    -- The words they agreed to: the version of ours, or what whoever brought them over says about it.
    consent      text        not null,
    consent_at   timestamptz not null,
    -- When somebody last asked for a confirmation with this address.
    asked_at     timestamptz,
    confirmed_at timestamptz,
    ended_at     timestamptz,
    -- Why they left, or cannot be reached.
    remark       text,
    created_at   timestamptz not null default now(),
    -- Whether a confirmation is worth something. A stranger who types the address of someone who has left changes no more
    -- than this.
    awaited      boolean     not null generated always as
                 (status = 'pending' or (status <> 'confirmed' and coalesce(asked_at > ended_at, false))) stored,
    check (status <> 'confirmed' or confirmed_at is not null),
    check (status not in ('unsubscribed', 'bounced') or ended_at is not null)
);
create unique index subscribers_email_key on subscribers (lower(email));
create index subscribers_status on subscribers (status, id desc);
create index subscribers_search on subscribers using gin (email gin_trgm_ops);
create index subscribers_digest on subscribers (id) where status = 'confirmed' and digest <> 'none';

create table subscriber_topics (
    subscriber_id uuid not null references subscribers (id) on delete cascade,
    topic         text not null references topics (slug) on update cascade on delete cascade,
    primary key (subscriber_id, topic)
);
create index subscriber_topics_topic on subscriber_topics (topic);

-- Each mail that somebody had us send to an address they have not proved to be theirs; kept for a day. Whoever fills in a
-- stranger's address a thousand times has us write a few times.
create table subscription_mails (
    id      uuid        primary key,
    -- The mailbox: without what a provider ignores of an address.
    mailbox text        not null,
    domain  text        not null,
    at      timestamptz not null
);
create index subscription_mails_mailbox on subscription_mails (mailbox, at);
create index subscription_mails_domain on subscription_mails (domain, at);
create index subscription_mails_at on subscription_mails (at);

-- The newsletter's issues. Everyone may read one from the moment it began to be sent.
create table issues (
    id           uuid        primary key,
    slug         text        not null constraint issues_slug_key unique check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    subject      text        not null,
    body         text        not null,
    -- Only for those who want to hear of this.
    topic        text        references topics (slug) on update cascade,
    status       text        not null check (status in ('draft', 'scheduled', 'sending', 'paused', 'sent')),
    scheduled_at timestamptz,
    started_at   timestamptz,
    -- When the last of its mails stood in the outbox.
    queued_at    timestamptz,
    finished_at  timestamptz,
    -- What became of its mails, once it is sent: rows of the outbox do not stay for ever.
    delivered    integer     not null default 0,
    failed       integer     not null default 0,
    dropped      integer     not null default 0,
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now(),
    check ((status in ('sending', 'paused', 'sent')) = (started_at is not null)),
    check (status <> 'scheduled' or scheduled_at is not null),
    -- Addresses of pages.
    constraint issues_slug_free check (slug not in ('thanks', 'issues', 'confirm', 'preferences', 'unsubscribe'))
);
create index issues_started on issues (started_at desc, id desc) where started_at is not null;
create index issues_topic on issues (topic);
create index issues_sending on issues (id) where status = 'sending';

-- Tags, in addition to those of 0006:
--
--   issues         which issues there are to read, and what lists show of them
--   issue:{slug}   what lives at this address of the archive
create function cache_issue_changed() returns trigger language plpgsql as $$
declare
    was boolean := tg_op <> 'INSERT' and old.started_at is not null;
    is_ boolean := tg_op <> 'DELETE' and new.started_at is not null;
begin
    -- How far the sending has come is on no page.
    if tg_op = 'UPDATE' and row (old.slug, old.subject, old.body, old.started_at)
        is not distinct from row (new.slug, new.subject, new.body, new.started_at) then
        return null;
    end if;
    if was or is_ then
        perform cache_invalidate(was and not is_, 'issues', 'issue:' || old.slug, 'issue:' || new.slug);
    end if;
    return null;
end $$;
create trigger cache_issue_changed after insert or update or delete on issues
    for each row execute function cache_issue_changed();
create trigger cache_table_emptied after truncate on issues for each statement execute function cache_table_emptied();

-- The daily digest of leads, for staff who want it.
alter table staff
    add column digest_leads boolean     not null default false,
    -- What it has told them of so far.
    add column digest_from  timestamptz not null default now();

-- A retry, a pause and the progress of an issue look for the mails of one batch in the order they are due.
create index outbox_batch_due on outbox (batch, due_at) where batch is not null and state = 'waiting';
