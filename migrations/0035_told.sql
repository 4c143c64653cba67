-- What Stripe is told of plans, and programs of orders.

-- Whether a product or a price can be had there, as Stripe said last. What is made there can.
alter table plans add column stripe_active boolean not null default true;
alter table plan_prices add column stripe_active boolean not null default true;

-- As in 0027. An order that is paid for; and money that goes back, all of it or a part.
create function events_of_orders_made() returns trigger language plpgsql as $$
begin
    insert into events (type, object, sequence, confined)
    select 'order.paid', id, next_event(id, 1), false from made where status = 'paid';
    return null;
end $$;
create trigger events_of_orders_made after insert on orders referencing new table as made
    for each statement execute function events_of_orders_made();

-- What is given back in the moment in which it is paid is told of in this order.
create function events_of_orders_changed() returns trigger language plpgsql as $$
begin
    insert into events (type, object, sequence, confined)
    select 'order.paid', changed.id, next_event(changed.id, 1), false
      from was join changed using (id) where changed.paid_at is not null and was.paid_at is null order by changed.id;
    insert into events (type, object, sequence, confined)
    select 'order.refunded', changed.id, next_event(changed.id, 1), false
      from was join changed using (id) where changed.refunded > was.refunded order by changed.id;
    return null;
end $$;
create trigger events_of_orders_changed after update on orders referencing old table as was new table as changed
    for each statement execute function events_of_orders_changed();
