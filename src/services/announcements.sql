-- Every public address with a hash of what shows there, compared with what search engines were last told of it.
-- $1 origin, $2 to $5 the lengths of lists, $6 job, $7 most: see announcements.rs.
with post as (
    select posts.slug, topic, extract(epoch from updated_at) as changed,
           row_number() over (order by published_at desc, id desc) as place,
           row_number() over (partition by topic order by published_at desc, id desc) as place_in_topic,
           -- What a list shows of it.
           md5(concat_ws('|', posts.slug, title, summary, topics.name, extract(epoch from published_at))) as line
      from posts join topics on topics.slug = topic
     where status = 'published' and published_at <= now()
),
issue as (
    select slug, body, row_number() over (order by started_at desc, id desc) as place,
           md5(concat_ws('|', slug, subject, extract(epoch from started_at))) as line
      from issues where started_at is not null
),
product as (
    -- How many are left is said too, and changes too often to be told of: whether there are any is.
    select slug, position, md5(concat_ws('|', slug, title, text, amount, currency, happens_at, stock > sold)) as line
      from products where active
),
topic as (
    select slug, name, description, lines
      from topics join (select topic, string_agg(line, '' order by place) as lines
                          from post where place_in_topic <= $3 group by topic) as newest on topic = slug
),
shown as (
    select (select string_agg(slug || ' ' || name, '|' order by name) from topic) as topics,
           (select string_agg(line, '' order by place) from post where place <= $2) as at_home,
           (select string_agg(line, '' order by place) from post where place <= $3) as posts,
           (select string_agg(line, '' order by place) from issue where place <= $4) as below_the_form,
           (select string_agg(line, '' order by place) from issue where place <= $5) as issues,
           (select title || '|' || body from pages where name = 'home') as home,
           (select title || '|' || body from pages where name = 'contact') as contact
),
public (kind, slug, said) as (
    select 'home', '', concat_ws('|', home, topics, at_home) from shown
    union all select 'posts', '', concat_ws('|', topics, posts) from shown
    union all select 'topic', slug, concat_ws('|', name, description, lines) from topic
    union all select 'post', slug, concat_ws('|', line, changed) from post
    union all select 'contact', '', contact from shown
    union all select 'newsletter', '', concat_ws('|', topics, below_the_form) from shown
    union all select 'issues', '', issues from shown
    union all select 'issue', slug, concat_ws('|', line, body) from issue
    union all select 'membership', '', (select string_agg(concat_ws('|', plans.name, text, trial_days, period, amount, currency), '' order by plans.position, plans.id, period)
                                          from plans left join plan_prices on plan_id = plans.id and plan_prices.active where plans.active)
    union all select 'shop', '', (select string_agg(line, '' order by position, slug) from product)
    union all select 'product', slug, line from product
    union all select 'callers', '', ''
),
changed as (
    select kind, slug, now_there.version
      from (select kind, slug, md5(concat_ws('|', $1::text, said)) as version from public) as now_there
      full join announcements using (kind, slug)
     where now_there.version is distinct from announcements.version
     order by kind, slug limit $7
),
noted as (
    insert into announcements (kind, slug, version, job)
    select kind, slug, version, $6 from changed where $7::bigint is not null
    on conflict (kind, slug) do update set version = excluded.version, job = excluded.job
)
select count(*) as "count!" from changed
