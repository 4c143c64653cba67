-- Which cached pages a change touches: the one list. A page may show more tables than it has tags for only if every
-- table it reads is named here (tests/house.rs).
--
--   posts          what a list of posts shows has changed, or which posts there are
--   post:{id}      anything about this post
--   topic:{slug}   the topic, or what its list shows
--   topics         any topic
--   page:{name}    the text of a fixed page
--   *              everything (truncate)

-- What lists show of a post. The body counts for its length and, where there is no summary, for its beginning.
create function cache_post_changed() returns trigger language plpgsql as $$
declare
    was boolean := tg_op <> 'INSERT' and old.status = 'published';
    is_ boolean := tg_op <> 'DELETE' and new.status = 'published';
begin
    if tg_op = 'UPDATE' and old is not distinct from new then
        return null;
    end if;
    perform cache_invalidate(was and not is_, 'post:' || coalesce(new.id, old.id));
    if tg_op = 'UPDATE' and new.id <> old.id then
        perform cache_invalidate(was, 'post:' || old.id);
    end if;
    if was or is_ then
        perform cache_invalidate(was and not is_, 'posts', 'topic:' || old.topic, 'topic:' || new.topic);
    end if;
    return null;
end $$;
create trigger cache_post_changed after insert or update or delete on posts
    for each row execute function cache_post_changed();

-- A former slug is not shown on any page; it only leads to one. Moving one by hand still concerns its post.
create function cache_slug_changed() returns trigger language plpgsql as $$
begin
    perform cache_invalidate(false, 'post:' || old.post_id, 'post:' || new.post_id);
    return null;
end $$;
create trigger cache_slug_changed after update or delete on post_slugs
    for each row execute function cache_slug_changed();

create function cache_topic_changed() returns trigger language plpgsql as $$
begin
    perform cache_invalidate(false, 'topics', 'topic:' || old.slug, 'topic:' || new.slug);
    return null;
end $$;
create trigger cache_topic_changed after insert or update or delete on topics
    for each row execute function cache_topic_changed();

create function cache_page_changed() returns trigger language plpgsql as $$
begin
    perform cache_invalidate(false, 'page:' || old.name, 'page:' || new.name);
    return null;
end $$;
create trigger cache_page_changed after insert or update or delete on pages
    for each row execute function cache_page_changed();

-- Truncate fires no row triggers; it empties every page instead.
create function cache_table_emptied() returns trigger language plpgsql as $$
begin
    perform cache_invalidate(true, '*');
    return null;
end $$;
create trigger cache_table_emptied after truncate on posts for each statement execute function cache_table_emptied();
create trigger cache_table_emptied after truncate on post_slugs for each statement execute function cache_table_emptied();
create trigger cache_table_emptied after truncate on topics for each statement execute function cache_table_emptied();
create trigger cache_table_emptied after truncate on pages for each statement execute function cache_table_emptied();
