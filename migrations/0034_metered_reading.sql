-- Reading for free what is for those who pay: so many posts a calendar month (UTC) for whoever has an account.
--
-- How many is the setting `free-posts`, a number; none where nobody has decided. Nobody can be let in by what is known of them while it
-- is anything else, so nothing else is kept.
alter table settings add constraint settings_free_posts check (name <> 'free-posts' or value::text ~ '^([0-9]|[1-9][0-9]|100)$');

-- What somebody has opened in which month. It stays open to them until that month is over.
create table opened_posts (
    account_id uuid        not null references accounts (id) on delete cascade,
    -- Its first day.
    month      date        not null,
    post_id    uuid        not null references posts (id) on delete cascade on update cascade,
    opened_at  timestamptz not null default now(),
    primary key (account_id, month, post_id)
);
create index opened_posts_post on opened_posts (post_id);
create index opened_posts_month on opened_posts (month);

-- The month it is, by its first day.
create function this_month() returns date stable language sql as $$
    select date_trunc('month', now() at time zone 'utc')::date
$$;

-- As in 0031, with what they have opened this month, and how many that may be.
create or replace function membership_of(whose uuid) returns jsonb stable language sql as $$
    select jsonb_build_object('now', now(),
        'subscriptions', coalesce((select jsonb_agg(jsonb_build_object('status', status, 'current_period_end', current_period_end,
            'cancel_at_period_end', cancel_at_period_end, 'past_due_since', past_due_since))
            from subscriptions where account_id = whose), '[]'),
        'grants', coalesce((select jsonb_agg(jsonb_build_object('until', until))
            from membership_grants where account_id = whose and revoked_at is null), '[]'),
        'free', coalesce((select value from settings where name = 'free-posts'), '0'),
        'opened', coalesce((select jsonb_agg(post_id) from opened_posts where account_id = whose and month = this_month()), '[]'))
$$;

-- As in 0006. What the owner decides may stand on pages.
--   setting:{name}   one of the settings
create function cache_setting_changed() returns trigger language plpgsql as $$
begin
    perform cache_invalidate(false, 'setting:' || old.name, 'setting:' || new.name);
    return null;
end $$;
create trigger cache_setting_changed after insert or update or delete on settings
    for each row execute function cache_setting_changed();
create trigger cache_table_emptied after truncate on settings for each statement execute function cache_table_emptied();
