-- What was done by those who run the site: who, what, on what, from where, when. A line is written in the transaction of the
-- deed, so neither is there without the other.
--
-- Nothing in it refers to another table: an account may be renamed, and whatever was worked on may be gone. It holds nobody's
-- address, no text and no secret, so whoever is erased is not in it.
create table audit (
    id       uuid        primary key,
    at       timestamptz not null default clock_timestamp(),
    -- The account; none for the operator, and for whoever did not prove who they are.
    staff_id uuid,
    -- Its name, as it was.
    name     text        not null,
    door     text        not null check (door in ('web', 'shell')),
    -- The network it was done from, in words; nothing on the shell.
    network  text        not null,
    act      text        not null,
    -- A kind and an id, such as lead:{id}, or what there is one of.
    object   text        not null check (char_length(object) <= 200),
    details  jsonb       not null default '{}' check (octet_length(details::text) <= 2000),
    haystack text        not null generated always as
             (name || E'\n' || act || E'\n' || object || E'\n' || network || E'\n' || details::text) stored
);
-- Newest first, whatever is asked for.
create index audit_at on audit (at desc, id desc);
create index audit_staff on audit (staff_id, at desc, id desc);
create index audit_act on audit (act, at desc, id desc);
create index audit_object on audit (object, at desc, id desc);
create index audit_search on audit using gin (haystack gin_trgm_ops);

-- Written once. Not even the application may change a line, or take one away.
create function audit_is_kept() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is only added to' using errcode = 'insufficient_privilege';
end $$;
create trigger audit_is_kept before update or delete or truncate on audit
    for each statement execute function audit_is_kept();

-- Somebody active has to own the site, whoever changes what, by whichever door. Changes that might leave nobody wait for each
-- other here, so that two owners cannot demote each other at the same time.
create function staff_keep_an_owner() returns trigger language plpgsql as $$
begin
    if tg_table_name = 'accounts' and not exists (select from staff where id = old.id and role = 'owner') then
        return null;
    end if;
    perform pg_advisory_xact_lock(hashtextextended('staff', 0));
    -- Asked after the wait, so that what the one before has done is seen.
    if not exists (select from staff join accounts using (id) where role = 'owner' and active) then
        raise exception 'somebody has to own the site'
            using errcode = 'check_violation', constraint = 'staff_last_owner', table = 'staff';
    end if;
    return null;
end $$;
create trigger staff_keep_an_owner after update of role or delete on staff
    for each row when (old.role = 'owner') execute function staff_keep_an_owner();
create trigger staff_keep_an_owner after update of active on accounts
    for each row when (old.active and not new.active) execute function staff_keep_an_owner();

-- Those who are invited and have not come yet.
create index mailed_links_invites on mailed_links (created_at) where intent ->> 'to' = 'invite' and used_at is null;
