-- Whom the text of a post is for. What else there is of it, its title, summary, topic and times, is for everyone.
--
-- A value that is to come, such as `paid`, is added to the check here and to `Audience` (src/services/posts/audience.rs). A program
-- that finds one it does not know shows nothing of the post.
alter table posts add column audience text not null default 'everyone' check (audience in ('everyone', 'members'));

-- Whoever saves an editor that was opened before a post was closed is told of it, and does not open it again.
drop trigger posts_stamp_update on posts;
create trigger posts_stamp_update before update of slug, title, summary, body, topic, status, audience on posts
    for each row when (row (old.slug, old.title, old.summary, old.body, old.topic, old.status, old.audience)
        is distinct from row (new.slug, new.title, new.summary, new.body, new.topic, new.status, new.audience))
    execute function posts_stamp_update();

-- As in 0006. A post that is not for everyone any more is withdrawn from those who are left out: no page that was kept
-- before is shown again, not even while the database is away.
create or replace function cache_post_changed() returns trigger language plpgsql as $$
declare
    was boolean := tg_op <> 'INSERT' and old.status = 'published';
    is_ boolean := tg_op <> 'DELETE' and new.status = 'published';
    withdrawn boolean := was and (not is_ or (old.audience <> new.audience and new.audience <> 'everyone'));
begin
    if tg_op = 'UPDATE' and old is not distinct from new then
        return null;
    end if;
    perform cache_invalidate(withdrawn, 'post:' || coalesce(new.id, old.id));
    if tg_op = 'UPDATE' and new.id <> old.id then
        perform cache_invalidate(was, 'post:' || old.id);
    end if;
    if was or is_ then
        perform cache_invalidate(withdrawn, 'posts', 'topic:' || old.topic, 'topic:' || new.topic);
    end if;
    return null;
end $$;
