-- What was asked of Stripe about something: the second part of what a call is for, such as the order of `refund:{order}:{errand}`.
create index stripe_calls_about on stripe_calls (split_part(purpose, ':', 2));
-- What was entered in the ledger for something, such as `order:{id}`.
create index ledger_about on ledger (about);

-- Money that had gone back and came again, as nobody could take it there.
alter table ledger drop constraint ledger_kind_check;
alter table ledger add constraint ledger_kind_check
    check (kind in ('charge', 'refund', 'refund-failed', 'credit', 'dispute', 'dispute-won'));

-- Whether what an order is for was taken from the stock, and was not set free again; and whether money that was to go back did not
-- get there, and has not since.
alter table orders add column taken boolean not null default false, add column stuck boolean not null default false;
update orders set taken = true where status = 'paid' and remark is null;
update orders set stuck = true
 where refunded < amount
   and (status = 'refunded'
        or status = 'paid' and remark is not null
           and exists (select from stripe_calls where state = 'refused' and split_part(purpose, ':', 2) = orders.id::text
                          and purpose like 'refund:%:too-late%'));
-- That the money goes back is said while it is so.
update orders set remark = replace(remark, ' The money goes back.', '') where remark like '%The money goes back.';

-- Whether a bank has taken a payment back: it is disputed, or was lost by that.
create function is_taken_back(payment text) returns boolean language sql stable as $$
    select exists (select from stripe_objects
                    where parent = payment and type = 'dispute' and state <> 'won' and not starts_with(state, 'warning_'))
$$;

-- As in 0035. What was paid for too late, when nothing was left, is nothing to be sent to anyone.
create or replace function events_of_orders_changed() returns trigger language plpgsql as $$
begin
    insert into events (type, object, sequence, confined)
    select 'order.paid', changed.id, next_event(changed.id, 1), false
      from was join changed using (id) where changed.paid_at is not null and was.paid_at is null and changed.taken order by changed.id;
    insert into events (type, object, sequence, confined)
    select 'order.refunded', changed.id, next_event(changed.id, 1), false
      from was join changed using (id) where changed.refunded > was.refunded order by changed.id;
    return null;
end $$;

create index order_lines_product on order_lines (product_id);
