-- Takes up to `wanted` of a key's requests of the day (UTC), of which there are `most`. Says how many were there to take, and how
-- many of the day's are used by then. Nothing is looked at where none are wanted or there is no quota.
--
-- It does not wait for the disk: whatever the requests go on to write is behind it in the same log, so what outlasts a crash of the
-- database was counted.
create function api_key_take(key uuid, wanted integer, most integer, out taken integer, out by_now integer)
language plpgsql as $$
declare
    today date := (now() at time zone 'utc')::date;
begin
    taken := 0;
    if wanted = 0 or most is null then
        return;
    end if;
    perform set_config('synchronous_commit', 'off', true);
    loop
        -- Where somebody else has counted the first of a new day meanwhile, these are some of that day.
        select case when day >= today then used else 0 end into by_now from api_key_usage where key_id = key for update;
        exit when found;
        insert into api_key_usage (key_id, day, used) values (key, today, 0) on conflict do nothing;
    end loop;
    taken := least(wanted, greatest(most - by_now, 0));
    by_now := by_now + taken;
    update api_key_usage set day = greatest(day, today), used = by_now where key_id = key and taken > 0;
end $$;
