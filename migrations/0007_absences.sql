-- That nothing is at an address is kept too, so a slug says when something comes to live there.
create or replace function cache_slug_changed() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and old is not distinct from new then
        return null;
    end if;
    perform cache_invalidate(false, 'slug:' || old.slug, 'slug:' || new.slug);
    return null;
end $$;
drop trigger cache_slug_changed on post_slugs;
create trigger cache_slug_changed after insert or update or delete on post_slugs
    for each row execute function cache_slug_changed();
