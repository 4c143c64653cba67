-- What other programs have told us by a webhook. A row is written before the sender is answered, and acted upon afterwards by a job
-- of the outbox.
create table inbox (
    id          uuid        primary key,
    -- Who, as the last part of the address says it.
    source      text        not null,
    -- What the sender calls it: a second delivery has the same.
    event_id    text        not null,
    type        text        not null,
    -- As it came, without what proved it; none once it is too old, or whom it was about was erased.
    payload     bytea,
    state       text        not null check (state in ('waiting', 'done', 'failed', 'dead', 'ignored')),
    attempts    integer     not null default 0,
    -- Why it is ignored, or what went wrong, in words for staff.
    remark      text,
    -- The row of the outbox that acts upon it.
    job         uuid,
    received_at timestamptz not null default now(),
    ended_at    timestamptz,
    constraint inbox_event_key unique (source, event_id)
);
create index inbox_state on inbox (state, id desc);
create index inbox_source on inbox (source, id desc);
create index inbox_received on inbox (received_at);
create index inbox_payloads on inbox (received_at) where payload is not null;

-- What an event has changed. There is one effect of a kind on one object, however many events tell of it.
create table inbox_effects (
    object text        not null,
    kind   text        not null,
    event  uuid        not null references inbox (id) on delete cascade,
    detail text,
    at     timestamptz not null default now(),
    primary key (object, kind)
);
create index inbox_effects_event on inbox_effects (event);

-- Whatever becomes of the job, by a worker, by staff in the outbox or because its worker vanished, the event says so. Not while
-- somebody is at it: they may have the event locked, and note its end themselves.
create function inbox_follow_job() returns trigger language plpgsql as $$
begin
    update inbox set attempts = new.attempts, remark = new.remark,
           state = case when new.state = 'dead' then 'dead' when new.attempts > 0 then 'failed' else 'waiting' end
     where id = (new.job ->> 'event')::uuid and job = new.id and state in ('waiting', 'failed', 'dead');
    return null;
end $$;
create trigger inbox_follow_job after update of state, attempts on outbox for each row
    when (new.kind = 'inbox' and new.lease is null and new.state in ('waiting', 'dead'))
    execute function inbox_follow_job();

-- A task may be due because an event says so.
alter table runs drop constraint runs_trigger_check;
alter table runs add constraint runs_trigger_check check (trigger in ('cron', 'shell', 'scheduler', 'staff', 'webhook'));
