-- What partners' programs do besides handing in: they list, they change, and scripts of their sites call.

-- The sites whose scripts may send this key, as browsers write an origin. A key that names some stands in pages anyone can read.
alter table api_keys add column origins text[] not null default '{}';
create index api_keys_origins on api_keys using gin (origins) where revoked_at is null and origins <> '{}';

-- A program's own leads, newest first.
create index leads_key on leads (api_key_id, id desc) where api_key_id is not null;

-- What was done with a lead by whom: one of us, a program, or the operator, who is neither.
alter table lead_history
    alter column staff_id drop not null,
    add column api_key_id uuid references api_keys (id);

-- Which program wrote a post: it may change what it has written.
alter table posts add column api_key_id uuid references api_keys (id);

-- A program says that somebody wants the newsletter; they are asked themselves.
alter table subscribers drop constraint subscribers_source_check,
    add constraint subscribers_source_check check (source in ('website-form', 'staff', 'cli', 'import', 'partner-api'));

-- Programs work on what staff work on, and it is recorded as theirs.
alter table audit drop constraint audit_door_check,
    add constraint audit_door_check check (door in ('web', 'shell', 'api'));
