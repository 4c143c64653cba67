create extension if not exists pg_trgm;

create table leads (
    id           uuid        primary key,
    name         text        not null,
    email        text        not null,
    company      text,
    phone        text,
    message      text        not null,
    status       text        not null
                 check (status in ('new', 'contacted', 'qualified', 'won', 'lost', 'spam')),
    source       text        not null
                 check (source in ('website-form', 'partner-api', 'mobile-app', 'embed', 'cli', 'import')),
    api_key_id   uuid        references api_keys (id),
    -- What was submitted, by whom, as a hash: the same again within a day is the same lead.
    fingerprint  bytea       not null check (octet_length(fingerprint) = 32),
    spam_score   integer     not null default 0,
    spam_reasons text[]      not null default '{}',
    utm_source   text,
    utm_medium   text,
    utm_campaign text,
    utm_term     text,
    utm_content  text,
    referrer     text,
    landing_page text,
    created_at   timestamptz not null default now(),
    haystack     text        not null generated always as
                 (name || E'\n' || email || E'\n' || coalesce(company, '') || E'\n' || message) stored,
    check ((source = 'partner-api') = (api_key_id is not null))
);
-- Ids are UUID v7, so newest first is by id; every filter of the staff's list has its index.
create index leads_status on leads (status, id desc);
create index leads_source on leads (source, id desc);
create index leads_status_source on leads (status, source, id desc);
create index leads_search on leads using gin (haystack gin_trgm_ops);
create index leads_fingerprint on leads (fingerprint, created_at desc);
create index leads_message on leads (md5(message), created_at desc);
create index leads_email on leads (lower(email), created_at desc);

-- What staff did with a lead: a note, a change of status, or both.
create table lead_history (
    id          uuid        primary key,
    lead_id     uuid        not null references leads (id) on delete cascade,
    staff_id    uuid        not null references staff (id),
    at          timestamptz not null default now(),
    note        text,
    from_status text,
    to_status   text,
    check (note is not null or to_status is not null)
);
create index lead_history_lead on lead_history (lead_id, id);
