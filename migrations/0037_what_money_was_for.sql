-- What was asked of Stripe about something: the second part of what a call is for, such as the order of `refund:{order}:{errand}`.
create index stripe_calls_about on stripe_calls (split_part(purpose, ':', 2));
-- What was entered in the ledger for something, such as `order:{id}`.
create index ledger_about on ledger (about);

-- Money that had gone back and came again, as nobody could take it there.
alter table ledger drop constraint ledger_kind_check;
alter table ledger add constraint ledger_kind_check
    check (kind in ('charge', 'refund', 'refund-failed', 'credit', 'dispute', 'dispute-won'));
