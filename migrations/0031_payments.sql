-- Membership, the shop, and what we know of both from Stripe.

-- What members can be. A price is never changed, only followed by another: what somebody pays stays what they agreed to.
create table plans (
    id             uuid        primary key,
    slug           text        not null constraint plans_slug_key unique check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    name           text        not null,
    text           text        not null default '',
    active         boolean     not null default true,
    position       integer     not null default 0,
    trial_days     integer     not null default 0 check (trial_days between 0 and 730),
    -- So much off the first payment, for whoever begins within the window.
    coupon_percent integer     check (coupon_percent between 1 and 100),
    coupon_from    timestamptz,
    coupon_until   timestamptz,
    -- What they are at Stripe, once they are.
    stripe_product text        unique,
    stripe_coupon  text,
    created_at     timestamptz not null default now(),
    check ((coupon_percent is null) = (coupon_from is null) and (coupon_from is null) = (coupon_until is null)),
    check (coupon_from < coupon_until)
);
create table plan_prices (
    id           uuid        primary key,
    plan_id      uuid        not null references plans (id) on delete cascade,
    period       text        not null check (period in ('monthly', 'yearly')),
    amount       bigint      not null check (amount > 0),
    currency     text        not null check (currency ~ '^[a-z]{3}$'),
    active       boolean     not null default true,
    stripe_price text        unique,
    created_at   timestamptz not null default now()
);
create unique index plan_prices_active on plan_prices (plan_id, period) where active;
create index plan_prices_plan on plan_prices (plan_id);

-- Which customer of Stripe an account is.
create table stripe_customers (
    account_id uuid        primary key references accounts (id) on delete cascade,
    customer   text        not null unique,
    created_at timestamptz not null default now()
);

-- Whoever reads an object at Stripe takes a number first. What was read under a smaller number than what is known is not
-- written: whatever changed later is told of later, and read under a larger one.
create sequence stripe_reads;

-- The mirror of Stripe's subscriptions.
create table subscriptions (
    id                   text        primary key,
    account_id           uuid        references accounts (id) on delete set null,
    customer             text        not null,
    status               text        not null,
    -- Stripe's price, and whose plan that is here.
    price                text,
    plan_id              uuid        references plans (id) on delete set null,
    current_period_end   timestamptz,
    trial_end            timestamptz,
    cancel_at_period_end boolean     not null default false,
    ended_at             timestamptz,
    -- Since when a payment is owed; grace is counted from here.
    past_due_since       timestamptz,
    created_at           timestamptz not null,
    read                 bigint      not null,
    updated_at           timestamptz not null default now()
);
create index subscriptions_account on subscriptions (account_id);
create index subscriptions_customer on subscriptions (customer);

-- The mirror of what else moves money there: invoices, payments, refunds, disputes.
create table stripe_objects (
    id         text        primary key,
    type       text        not null,
    state      text        not null,
    amount     bigint      not null,
    currency   text        not null,
    -- What it belongs to: a subscription, a payment.
    parent     text,
    read       bigint      not null,
    updated_at timestamptz not null default now()
);
create index stripe_objects_parent on stripe_objects (parent);

-- Membership that is given.
create table membership_grants (
    id         uuid        primary key,
    account_id uuid        not null references accounts (id) on delete cascade,
    until      timestamptz,
    reason     text        not null,
    granted_by uuid        references accounts (id) on delete set null,
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);
create index membership_grants_account on membership_grants (account_id);

-- What is known of somebody's membership: what src/services/entitlements.rs judges by, which says what it amounts to.
create function membership_of(whose uuid) returns jsonb stable language sql as $$
    select jsonb_build_object('now', now(),
        'subscriptions', coalesce((select jsonb_agg(jsonb_build_object('status', status, 'current_period_end', current_period_end,
            'cancel_at_period_end', cancel_at_period_end, 'past_due_since', past_due_since))
            from subscriptions where account_id = whose), '[]'),
        'grants', coalesce((select jsonb_agg(jsonb_build_object('until', until))
            from membership_grants where account_id = whose and revoked_at is null), '[]'))
$$;

-- What there is to buy. Whatever is set aside or paid for, more is never sold than there is.
create table products (
    id          uuid        primary key,
    slug        text        not null constraint products_slug_key unique check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    title       text        not null,
    text        text        not null default '',
    kind        text        not null check (kind in ('ticket', 'goods')),
    amount      bigint      not null check (amount > 0),
    currency    text        not null check (currency ~ '^[a-z]{3}$'),
    stock       integer     not null check (stock >= 0),
    sold        integer     not null default 0 check (sold >= 0),
    active      boolean     not null default true,
    position    integer     not null default 0,
    -- When a workshop is, where it is one.
    happens_at  timestamptz,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    constraint products_not_oversold check (sold <= stock)
);

create table carts (
    id         uuid        primary key,
    -- SHA-256 of what the browser holds; none where it is an account's.
    token_hash bytea       unique,
    account_id uuid        unique references accounts (id) on delete cascade,
    updated_at timestamptz not null default now(),
    check (token_hash is not null or account_id is not null)
);
create table cart_lines (
    cart_id    uuid    not null references carts (id) on delete cascade,
    product_id uuid    not null references products (id) on delete cascade,
    quantity   integer not null check (quantity between 1 and 99),
    primary key (cart_id, product_id)
);

create table orders (
    id             uuid        primary key,
    -- SHA-256 of what its address ends in.
    token_hash     bytea       not null unique,
    account_id     uuid        references accounts (id) on delete set null,
    email          text,
    name           text,
    status         text        not null check (status in ('open', 'pending-payment', 'paid', 'expired', 'refunded', 'cancelled')),
    amount         bigint      not null check (amount >= 0),
    currency       text        not null check (currency ~ '^[a-z]{3}$'),
    refunded       bigint      not null default 0 check (refunded between 0 and amount),
    -- The payment at Stripe.
    payment        text        unique,
    remark         text,
    placed_at      timestamptz not null default now(),
    paid_at        timestamptz,
    ended_at       timestamptz
);
create index orders_account on orders (account_id);
create index orders_email on orders (lower(email));
create index orders_status on orders (status, id desc);
create table order_lines (
    order_id   uuid    not null references orders (id) on delete cascade,
    product_id uuid    references products (id) on delete set null,
    title      text    not null,
    amount     bigint  not null,
    quantity   integer not null check (quantity > 0),
    position   integer not null,
    primary key (order_id, position)
);

-- Stock set aside for an order until it is paid for, or no longer. One that has run out holds nothing, whether or not it is
-- still here.
create table holds (
    order_id   uuid        not null references orders (id) on delete cascade,
    product_id uuid        not null references products (id) on delete cascade,
    quantity   integer     not null check (quantity > 0),
    expires_at timestamptz not null,
    primary key (order_id, product_id)
);
create index holds_product on holds (product_id, expires_at);

-- What we ask of Stripe: its parameters, written down and committed before it is sent, and never changed. Its id is the
-- Idempotency-Key, so whoever finds it unanswered sends the same again, and it has one effect.
create table stripe_calls (
    id          uuid        primary key,
    -- What for, such as `checkout:{id}`. There is one call for each.
    purpose     text        not null constraint stripe_calls_purpose_key unique,
    path        text        not null,
    body        text        not null,
    state       text        not null default 'frozen' check (state in ('frozen', 'answered', 'refused')),
    -- What came back: the id of the object, or why not.
    object      text,
    remark      text,
    tries       integer     not null default 0,
    created_at  timestamptz not null default now(),
    ended_at    timestamptz,
    check ((state = 'frozen') = (ended_at is null))
);
create index stripe_calls_frozen on stripe_calls (created_at) where state = 'frozen';

-- Somebody's way through Stripe's checkout: for a plan, or for an order. There is one at a time.
create table checkouts (
    id         uuid        primary key,
    account_id uuid        references accounts (id) on delete cascade,
    price_id   uuid        references plan_prices (id),
    order_id   uuid        references orders (id) on delete cascade,
    state      text        not null check (state in ('begun', 'open', 'complete', 'expired', 'refused')),
    -- At Stripe.
    session    text        unique,
    url        text,
    payment    text,
    expires_at timestamptz not null,
    read       bigint      not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    check ((price_id is null) <> (order_id is null)),
    check (price_id is null or account_id is not null)
);
create unique index checkouts_one_plan on checkouts (account_id) where price_id is not null and state in ('begun', 'open');
create unique index checkouts_one_order on checkouts (order_id) where state in ('begun', 'open', 'complete');
create index checkouts_payment on checkouts (payment);

-- What has followed from what Stripe says, once: by an event, or because somebody or the reconciler looked.
create table stripe_effects (
    object text        not null,
    kind   text        not null,
    event  uuid        references inbox (id) on delete set null,
    detail text,
    at     timestamptz not null default now(),
    primary key (object, kind)
);
create index stripe_effects_event on stripe_effects (event);

-- Up to when Stripe's events have been compared with what came.
create table stripe_mark (
    one  boolean     primary key default true check (one),
    seen timestamptz not null
);

-- Money, by double entry. Written once.
create table ledger (
    id       uuid        primary key,
    kind     text        not null check (kind in ('charge', 'refund', 'credit', 'dispute', 'dispute-won')),
    -- The object at Stripe that it is about.
    object   text        not null,
    currency text        not null check (currency ~ '^[a-z]{3}$'),
    -- What for: `order:{id}`, `subscription:{id}`.
    about    text        not null,
    at       timestamptz not null default now(),
    constraint ledger_once unique (object, kind)
);
create index ledger_at on ledger (at, id);
create table ledger_entries (
    ledger_id uuid    not null references ledger (id),
    account   text    not null check (account in ('stripe', 'membership', 'shop', 'refunds', 'disputes', 'credits')),
    debit     bigint  not null default 0 check (debit >= 0),
    credit    bigint  not null default 0 check (credit >= 0),
    primary key (ledger_id, account),
    check ((debit = 0) <> (credit = 0))
);

create function ledger_is_balanced() returns trigger language plpgsql as $$
begin
    if (select count(*) < 2 or sum(debit) <> sum(credit) from ledger_entries where ledger_id = new.id) then
        raise exception 'what is entered in the ledger has to balance'
            using errcode = 'check_violation', constraint = 'ledger_balanced', table = 'ledger';
    end if;
    return null;
end $$;
create constraint trigger ledger_is_balanced after insert on ledger deferrable initially deferred
    for each row execute function ledger_is_balanced();
-- Entries are added together with their booking, or not at all.
create function ledger_entry_belongs() returns trigger language plpgsql as $$
begin
    if not exists (select from ledger where id = new.ledger_id and xmin::text = pg_current_xact_id()::xid::text) then
        raise exception 'a booking is complete when it is made'
            using errcode = 'check_violation', constraint = 'ledger_complete', table = 'ledger_entries';
    end if;
    return new;
end $$;
create trigger ledger_entry_belongs before insert on ledger_entries for each row execute function ledger_entry_belongs();

create function ledger_is_kept() returns trigger language plpgsql as $$
begin
    raise exception 'the ledger is only added to' using errcode = 'insufficient_privilege';
end $$;
create trigger ledger_is_kept before update or delete or truncate on ledger
    for each statement execute function ledger_is_kept();
create trigger ledger_is_kept before update or delete or truncate on ledger_entries
    for each statement execute function ledger_is_kept();

-- A text may be for those who pay.
alter table posts drop constraint posts_audience_check;
alter table posts add constraint posts_audience_check check (audience in ('everyone', 'members', 'paid'));

-- As in 0006. A plan is withdrawn where it can be had no more.
--   plans            any plan, or a price of one
--   products         any product
--   product:{slug}   one, and how many of it there are left
create function cache_plan_changed() returns trigger language plpgsql as $$
begin
    perform cache_invalidate(false, 'plans');
    return null;
end $$;
create trigger cache_plan_changed after insert or update or delete on plans
    for each row execute function cache_plan_changed();
create trigger cache_plan_changed after insert or update or delete on plan_prices
    for each row execute function cache_plan_changed();

create function cache_product_changed() returns trigger language plpgsql as $$
begin
    perform cache_invalidate(false, 'products', 'product:' || old.slug, 'product:' || new.slug);
    return null;
end $$;
create trigger cache_product_changed after insert or update or delete on products
    for each row execute function cache_product_changed();

create function cache_hold_changed() returns trigger language plpgsql as $$
begin
    perform cache_invalidate(false, 'products', 'product:' || (select slug from products where id = coalesce(new.product_id, old.product_id)));
    return null;
end $$;
create trigger cache_hold_changed after insert or update or delete on holds
    for each row execute function cache_hold_changed();
create trigger cache_table_emptied after truncate on plans for each statement execute function cache_table_emptied();
create trigger cache_table_emptied after truncate on plan_prices for each statement execute function cache_table_emptied();
create trigger cache_table_emptied after truncate on products for each statement execute function cache_table_emptied();
create trigger cache_table_emptied after truncate on holds for each statement execute function cache_table_emptied();
