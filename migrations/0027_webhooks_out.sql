-- What happened, for programs that ask (`/api/v1/events`) and for those that are told (webhooks).
--
-- A row is written by a trigger on the table of the fact, in its transaction: so a form, the API, the shell, a task and a person in
-- psql all tell, a rollback never does, and nobody can forget. It refers to what it is about and holds nothing of it: that is read
-- when it is sent or asked for, so whoever was erased is in no event. Of what is for tests, or looks like spam, nobody is told.
create table events (
    n        bigint      generated always as identity primary key,
    -- Numbers are not taken in the order in which transactions commit. Whoever reads on goes by (xid, n), and only as far as no
    -- transaction is under way any more.
    xid      xid8        not null default pg_current_xact_id(),
    -- As programs know it.
    id       uuid        not null default gen_random_uuid() constraint events_id_key unique,
    type     text        not null,
    object   uuid        not null,
    -- Which event of this object it is.
    sequence bigint      not null,
    -- Whether only that program may be told which has handed the object in: this one, or none.
    confined boolean     not null,
    key_id   uuid,
    at       timestamptz not null default clock_timestamp(),
    check (confined or key_id is null)
);
create index events_open on events (xid, n) where not confined;
create index events_key on events (key_id, xid, n) where key_id is not null;
create index events_age on events using brin (at);

-- How many events there were of each object, but for those of which there was only a first one that takes no lock.
create table event_sequences (
    object uuid   primary key,
    last   bigint not null
);

-- The number of the next event of an object. Whoever asks has the object's row locked, as it has just written it, so of two who
-- change it the second finds what the first has counted.
create function next_event(of uuid, first bigint) returns bigint language sql as $$
    insert into event_sequences (object, last) values (of, first)
        on conflict (object) do update set last = event_sequences.last + 1 returning last
$$;

-- Leads. One that is new can have no other event, so it needs no counter: many come at once.
create function events_of_leads_made() returns trigger language plpgsql as $$
begin
    insert into events (type, object, sequence, confined, key_id)
    select 'lead.created', id, 1, true, api_key_id from made where not test and status <> 'spam' order by id;
    return null;
end $$;
create trigger events_of_leads_made after insert on leads referencing new table as made
    for each statement execute function events_of_leads_made();

-- One that looked like spam and is none after all is told of now. What it was before it was never told.
create function events_of_leads_changed() returns trigger language plpgsql as $$
begin
    insert into events (type, object, sequence, confined, key_id)
    select type, id, next_event(id, case type when 'lead.created' then 1 else 2 end), true, api_key_id
      from (select changed.id, changed.api_key_id,
                   case when was.status = 'spam' and counted.object is null then 'lead.created' else 'lead.updated' end as type
              from was join changed using (id) left join event_sequences as counted on counted.object = changed.id
             where not changed.test and not (was.status = 'spam' and changed.status = 'spam')
               and row (was.name, was.email, was.company, was.phone, was.message, was.status)
                   is distinct from row (changed.name, changed.email, changed.company, changed.phone, changed.message, changed.status)
             order by changed.id) as told;
    return null;
end $$;
create trigger events_of_leads_changed after update on leads referencing old table as was new table as changed
    for each statement execute function events_of_leads_changed();

create function events_of_leads_gone() returns trigger language plpgsql as $$
begin
    delete from event_sequences using gone where object = gone.id;
    return null;
end $$;
create trigger events_of_leads_gone after delete on leads referencing old table as gone
    for each statement execute function events_of_leads_gone();

-- Posts. Whether one was there for everyone when its row was last written: so whoever writes next, and who looks whether a
-- scheduled post's time has come (`events::appear`), knows whether that was told.
alter table posts add column appeared boolean not null default false;
update posts set appeared = true where status = 'published' and published_at <= now();
create index posts_to_appear on posts (published_at) where status = 'published' and not appeared;

create function posts_appear() returns trigger language plpgsql as $$
begin
    new.appeared := new.status = 'published' and new.published_at <= clock_timestamp();
    return new;
end $$;
create trigger posts_appear before insert or update on posts for each row execute function posts_appear();

create function events_of_posts_made() returns trigger language plpgsql as $$
begin
    insert into events (type, object, sequence, confined)
    select 'post.published', id, next_event(id, 1), false from made where appeared;
    return null;
end $$;
create trigger events_of_posts_made after insert on posts referencing new table as made
    for each statement execute function events_of_posts_made();

create function events_of_posts_changed() returns trigger language plpgsql as $$
begin
    insert into events (type, object, sequence, confined)
    select case when not was.appeared then 'post.published' when not changed.appeared then 'post.unpublished' else 'post.updated' end,
           changed.id, next_event(changed.id, 1), false
      from was join changed using (id)
     where (was.appeared or changed.appeared)
       and row (was.appeared, was.slug, was.title, was.summary, was.body, was.topic, was.audience, was.published_at)
           is distinct from row (changed.appeared, changed.slug, changed.title, changed.summary, changed.body, changed.topic,
                                 changed.audience, changed.published_at);
    return null;
end $$;
create trigger events_of_posts_changed after update on posts referencing old table as was new table as changed
    for each statement execute function events_of_posts_changed();

create function events_of_posts_gone() returns trigger language plpgsql as $$
begin
    insert into events (type, object, sequence, confined)
    select 'post.unpublished', id, next_event(id, 1), false from gone where appeared;
    return null;
end $$;
create trigger events_of_posts_gone after delete on posts referencing old table as gone
    for each statement execute function events_of_posts_gone();

-- Subscribers: who gets mail from now on, and who does no more, for whatever reason.
create function events_of_subscribers_made() returns trigger language plpgsql as $$
begin
    insert into events (type, object, sequence, confined)
    select 'subscriber.confirmed', id, next_event(id, 1), false from made where status = 'confirmed';
    return null;
end $$;
create trigger events_of_subscribers_made after insert on subscribers referencing new table as made
    for each statement execute function events_of_subscribers_made();

create function events_of_subscribers_changed() returns trigger language plpgsql as $$
begin
    insert into events (type, object, sequence, confined)
    select case when changed.status = 'confirmed' then 'subscriber.confirmed' else 'subscriber.unsubscribed' end,
           changed.id, next_event(changed.id, 1), false
      from was join changed using (id)
     where (was.status = 'confirmed') <> (changed.status = 'confirmed');
    return null;
end $$;
create trigger events_of_subscribers_changed after update on subscribers referencing old table as was new table as changed
    for each statement execute function events_of_subscribers_changed();

create function events_of_subscribers_gone() returns trigger language plpgsql as $$
begin
    insert into events (type, object, sequence, confined)
    select 'subscriber.unsubscribed', id, next_event(id, 1), false from gone where status = 'confirmed';
    return null;
end $$;
create trigger events_of_subscribers_gone after delete on subscribers referencing old table as gone
    for each statement execute function events_of_subscribers_gone();

-- Where events are sent to. A partner's endpoints belong to a key, and are told what that key may read; the others are the
-- site's own.
create table webhooks (
    id            uuid        primary key,
    name          text        not null,
    url           text        not null,
    types         text[]      not null check (cardinality(types) > 0),
    key_id        uuid        references api_keys (id) on delete cascade,
    -- Which of us has made it; none: the operator, or the partner.
    made_by       uuid,
    -- Paused: events wait. Disabled: there are none for it.
    state         text        not null default 'on' check (state in ('on', 'paused', 'disabled')),
    -- Why it is disabled.
    remark        text,
    -- How many tries have failed since one succeeded, and since when.
    failures      integer     not null default 0,
    failing_since timestamptz,
    -- Left alone until then.
    rests_until   timestamptz,
    created_at    timestamptz not null default now()
);
create index webhooks_key on webhooks (key_id, id desc);

-- What is signed with. It has to be known in the clear for that, so it is sealed, for its endpoint alone.
create table webhook_secrets (
    id         uuid        primary key,
    webhook_id uuid        not null references webhooks (id) on delete cascade,
    sealed     bytea       not null,
    -- One that was replaced is good until then.
    good_until timestamptz
);
create index webhook_secrets_webhook on webhook_secrets (webhook_id, id desc);
create index webhook_secrets_end on webhook_secrets (good_until) where good_until is not null;

-- An event that is to reach an endpoint. A queue of its own beside the outbox: what comes after what, how long it is tried for and how much is
-- under way at once is each endpoint's own affair here.
create table webhook_deliveries (
    n          bigint      generated always as identity primary key,
    id         uuid        not null default gen_random_uuid() constraint webhook_deliveries_id_key unique,
    webhook_id uuid        not null references webhooks (id) on delete cascade,
    -- None: only to see whether it arrives.
    event      bigint      references events (n) on delete cascade,
    -- What the receiver knows it by, however often it is sent.
    message    uuid        not null,
    object     uuid        not null,
    sequence   bigint      not null,
    state      text        not null default 'waiting' check (state in ('waiting', 'delivered', 'failed', 'dropped')),
    -- When it may be taken; while somebody has it, when their lease ends.
    due_at     timestamptz not null default now(),
    lease      uuid,
    attempts   integer     not null default 0,
    -- What became of it, in words.
    remark     text,
    created_at timestamptz not null default now(),
    ended_at   timestamptz
);
create index webhook_deliveries_due on webhook_deliveries (webhook_id, due_at, n) where state = 'waiting';
create index webhook_deliveries_any_due on webhook_deliveries (due_at) where state = 'waiting';
create index webhook_deliveries_taken on webhook_deliveries (webhook_id) where state = 'waiting' and lease is not null;
create index webhook_deliveries_order on webhook_deliveries (webhook_id, object, sequence) where state = 'waiting';
create index webhook_deliveries_webhook on webhook_deliveries (webhook_id, n desc);
create index webhook_deliveries_state on webhook_deliveries (webhook_id, state, n desc);
create index webhook_deliveries_event on webhook_deliveries (event);
create index webhook_deliveries_ended on webhook_deliveries (ended_at) where ended_at is not null;

-- Each time it was tried: what was answered, and how that begins.
create table webhook_tries (
    delivery bigint      not null references webhook_deliveries (n) on delete cascade,
    at       timestamptz not null default now(),
    status   smallint,
    took_ms  integer     not null,
    said     text,
    primary key (delivery, at)
);

-- Who is to be told, in the transaction of the fact.
create function events_are_for() returns trigger language plpgsql as $$
begin
    insert into webhook_deliveries (webhook_id, event, message, object, sequence)
    select webhooks.id, told.n, told.id, told.object, told.sequence
      from told join webhooks on told.type = any (webhooks.types)
     where webhooks.state <> 'disabled'
       and (webhooks.key_id is null or not told.confined or webhooks.key_id = told.key_id)
     order by told.n;
    return null;
end $$;
create trigger events_are_for after insert on events referencing new table as told
    for each statement execute function events_are_for();
