-- Words that people are shown where they give us something of theirs, by version. What somebody has agreed to has to be told
-- later, so a row never changes: other words have another version. Written by the program when it starts.
create table consents (
    version text        primary key,
    -- Which form shows them.
    form    text        not null,
    words   text        not null,
    -- When they were first to be read here.
    since   timestamptz not null default now()
);

-- Under which words a lead was given, and when. None where no words of ours were shown: at every door but our own form.
alter table leads
    add column consent    text references consents (version),
    add column consent_at timestamptz,
    add constraint leads_consent_check check ((consent is null) = (consent_at is null));

-- Lists of subscribers that were brought over: by whom, on whose word, and what became of their lines. The addresses are
-- in `subscribers` alone.
create table imports (
    id      uuid        primary key,
    at      timestamptz not null default now(),
    -- None: the operator, on the shell.
    by      uuid        references staff (id),
    -- Where and when these people agreed, as whoever brought them over says.
    consent text        not null,
    added   integer     not null,
    -- They were here already.
    skipped integer     not null,
    -- They want no mail, or cannot be reached.
    refused integer     not null
);
create index imports_by on imports (by);

-- The first of the lines by which nobody was added, and why.
create table import_lines (
    import_id     uuid    not null references imports (id) on delete cascade,
    line          integer not null,
    outcome       text    not null check (outcome in ('skipped', 'refused')),
    why           text    not null,
    -- Who is on the list already, while they are.
    subscriber_id uuid    references subscribers (id) on delete set null,
    primary key (import_id, line)
);
create index import_lines_subscriber on import_lines (subscriber_id);

-- Quiet hours are hours as the clock on the wall shows them. From ten in the evening until seven: over midnight.
create function is_quiet(hour integer, quiet_from integer, quiet_until integer) returns boolean
language sql immutable as $$
    select case when quiet_from <= quiet_until then hour >= quiet_from and hour < quiet_until
                else hour >= quiet_from or hour < quiet_until end
$$;

-- When the quiet hours end that are at `moment`; none where there are none: the first time from then on that the clock shows
-- an hour that is not quiet. Looked for in steps of a quarter of an hour, by which all time zones differ, and not
-- reckoned: where the clock is changed an hour is missing, or comes twice, and is then over when it is over first.
create function quiet_ends(moment timestamptz, zone text, quiet_from integer, quiet_until integer) returns timestamptz
language sql stable as $$
    select nullif(greatest(moment, min(step)), moment)
      from generate_series(date_bin('15 minutes', moment, 'epoch'), moment + interval '3 days', interval '15 minutes') as step
     where not is_quiet(extract(hour from step at time zone zone)::integer, quiet_from, quiet_until)
$$;

-- What nobody has touched for so many days, whether it goes already or not; nothing where no number is given. Functions
-- and not views, so that the days are looked up in an index.
create function leads_left_alone(days integer) returns table (id uuid, goes_at timestamptz)
language sql stable as $$
    select leads.id, leads.goes_at from leads
     where created_at < now() - make_interval(days => days)
       and not exists (select from lead_history where lead_id = leads.id and at >= now() - make_interval(days => days))
$$;

create function outbox_left_alone(days integer) returns table (id uuid, goes_at timestamptz)
language sql stable as $$
    select outbox.id, outbox.goes_at from outbox where ended_at < now() - make_interval(days => days)
$$;
