create table topics (
    slug        text primary key check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    name        text not null constraint topics_name_key unique,
    description text not null default ''
);

create table posts (
    id           uuid        primary key,
    slug         text        not null constraint posts_slug_key unique check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    title        text        not null,
    summary      text        not null default '',
    body         text        not null,
    topic        text        not null references topics (slug) on update cascade,
    status       text        not null check (status in ('draft', 'published', 'archived')),
    published_at timestamptz,
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now(),
    check (status = 'draft' or published_at is not null)
);
-- The public lists, newest first, and the neighbours of a post. A tie in time is broken by id.
create index posts_published on posts (published_at desc, id desc) where status = 'published';
create index posts_published_topic on posts (topic, published_at desc, id desc) where status = 'published';
-- Outgoing reference of posts_topic_fkey, for whatever status.
create index posts_topic on posts (topic);

-- Every slug a post ever had. An old one keeps leading to the post, so another post cannot take it.
create table post_slugs (
    slug    text primary key,
    post_id uuid not null references posts (id) on delete cascade
);
create index post_slugs_post on post_slugs (post_id);

create function posts_keep_slug() returns trigger language plpgsql as $$
begin
    insert into post_slugs (slug, post_id) values (new.slug, new.id)
        on conflict (slug) do update set post_id = excluded.post_id where post_slugs.post_id = excluded.post_id;
    if not found then
        raise unique_violation using constraint = 'posts_slug_key',
            message = format('the slug %L belongs to another post', new.slug);
    end if;
    return null;
end $$;
create trigger posts_keep_slug after insert or update of slug on posts
    for each row execute function posts_keep_slug();

create function posts_stamp_update() returns trigger language plpgsql as $$
begin
    new.updated_at := now();
    return new;
end $$;
create trigger posts_stamp_update before update of slug, title, summary, body, topic, status on posts
    for each row when (row (old.slug, old.title, old.summary, old.body, old.topic, old.status)
        is distinct from row (new.slug, new.title, new.summary, new.body, new.topic, new.status))
    execute function posts_stamp_update();

-- Texts of pages that are always there: `home`, `contact`.
create table pages (
    name  text primary key check (name in ('home', 'contact')),
    title text not null,
    body  text not null
);
