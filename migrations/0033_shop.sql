-- The shop, as carts and orders need it.

-- What an order's address ends in is made of its id and a key of ours, as links in mails are: it is kept nowhere.
alter table orders drop column token_hash;
-- The cart that it is of: what was paid for is taken out of it. One order of a cart waits to be paid for at a time.
alter table orders add column cart_id uuid references carts (id) on delete set null;
create unique index orders_one_of_cart on orders (cart_id) where status in ('open', 'pending-payment');
create index orders_newest on orders (id desc);
create index carts_updated on carts (updated_at);

-- How many of a product are neither sold nor set aside at a moment. What the order of `own_cart` has set aside is not counted: it
-- is theirs.
create function stock_left(which uuid, at timestamptz, own_cart uuid) returns bigint stable language sql as $$
    select stock - sold - coalesce((select sum(quantity) from holds join orders on orders.id = order_id
                                     where product_id = which and expires_at > at
                                       and (own_cart is null or cart_id is distinct from own_cart)), 0)
      from products where id = which
$$;

-- What can be had no more is withdrawn: its page is not shown while the database is away.
create or replace function cache_product_changed() returns trigger language plpgsql as $$
declare
    is_withdrawn boolean := tg_op = 'DELETE' or (tg_op = 'UPDATE' and old.active and not new.active);
begin
    perform cache_invalidate(is_withdrawn, 'products', 'product:' || old.slug, 'product:' || new.slug);
    return null;
end $$;
