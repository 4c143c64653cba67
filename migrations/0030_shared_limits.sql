-- Limits that hold for all instances together: a bucket for each caller at each door (GCRA). What it counts is known by a hash, so
-- nobody's address stands here. A crash of the database empties it, and everyone begins anew: so it is not logged, and nobody waits
-- for the disk.
create unlogged table shared_limits (
    bucket  bytea       primary key check (octet_length(bucket) = 32),
    -- When all of it is there again.
    full_at timestamptz not null
) with (fillfactor = 50);
create index shared_limits_full on shared_limits (full_at);

-- Takes up to `wanted` from a bucket of `size`, into which one comes back after each `pause`. Says how many were there to take,
-- how many are left, and when the next one will be there, in seconds.
create function shared_limit_take(of bytea, wanted integer, size integer, pause double precision,
                                  out taken integer, out remaining integer, out next double precision)
language plpgsql as $$
declare
    moment timestamptz;
    owed   double precision;
begin
    loop
        select full_at into moment from shared_limits where bucket = of for update;
        exit when found;
        insert into shared_limits (bucket, full_at) values (of, '-infinity') on conflict do nothing;
    end loop;
    -- Read after the lock was had: who waited for it sees what was taken meanwhile.
    moment := greatest(moment, clock_timestamp());
    owed := greatest(extract(epoch from moment - clock_timestamp()), 0);
    remaining := floor(size - owed / pause + 1e-6);
    taken := least(wanted, greatest(remaining, 0));
    remaining := greatest(remaining, 0) - taken;
    next := greatest(owed + (taken + 1 - size) * pause, 0);
    update shared_limits set full_at = moment + make_interval(secs => taken * pause) where bucket = of and taken > 0;
end $$;
