-- What cached pages depend on, and what was changed (ARCHITECTURE.md, "The page cache").
-- A row says: transaction `xid` changed something that pages filed under `tag` show. It is written by triggers inside
-- the writing transaction, so whoever writes revalidates, a rollback never does, and nobody can forget.
create table cache_inval (
    xid  xid8        not null default pg_current_xact_id(),
    tag  text        not null,
    -- The old page must not be shown again even while the database is away: what it showed was withdrawn.
    hard boolean     not null default false,
    at   timestamptz not null default clock_timestamp()
);
create index cache_inval_xid on cache_inval (xid);

-- Crash recovery empties an unlogged table. Transaction ids may be used again after it, so an instance that finds
-- another id here, or none, trusts nothing it has kept.
create unlogged table cache_boot (
    one boolean primary key default true check (one),
    id  uuid    not null
);

create function cache_invalidate(hard boolean, variadic tags text[]) returns void language sql as $$
    insert into cache_inval (tag, hard) select distinct tag, hard from unnest(tags) as tag where tag is not null
$$;
