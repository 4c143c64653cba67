-- Jobs that someone has, or had when they vanished: few, and found without passing through all that waits.
create index outbox_taken on outbox (due_at) where state = 'waiting' and lease is not null;

-- Since when it has been tried. How long something may be away is counted from here: a row may have been written long before
-- its time came, and one that staff have tried again begins anew.
alter table outbox add column tried_since timestamptz;

-- What the mail that thanks for a message says is written like a page.
alter table pages drop constraint pages_name_check;
alter table pages add constraint pages_name_check check (name in ('home', 'contact', 'autoreply'));
