-- What search engines were last told of each public address (IndexNow), so that they are told of what has changed since.
create table announcements (
    -- What kind of page it is, and which of its kind.
    kind    text not null,
    slug    text not null,
    -- A hash of what was there; none where nothing is there any more.
    version text,
    -- The job of the outbox that tells them, or has told them.
    job     uuid not null,
    primary key (kind, slug)
);
create index announcements_job on announcements (job);

-- What the people who run the site have decided, by subject. What nobody has decided has no row.
create table settings (
    name       text        primary key,
    value      jsonb       not null,
    -- Also its version: two people may have it open at once.
    updated_at timestamptz not null default clock_timestamp()
);

-- What the mail that thanks for a message says is no page: it has a switch beside it, and a version.
insert into settings (name, value)
select 'autoreply', jsonb_build_object('on', true, 'text', left(body, 2000)) from pages where name = 'autoreply' and body <> '';
delete from pages where name = 'autoreply';
alter table pages drop constraint pages_name_check;
alter table pages add constraint pages_name_check check (name in ('home', 'contact'));
