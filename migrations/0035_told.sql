-- What Stripe is told of plans.

-- Whether a product or a price can be had there, as Stripe said last. What is made there can.
alter table plans add column stripe_active boolean not null default true;
alter table plan_prices add column stripe_active boolean not null default true;
