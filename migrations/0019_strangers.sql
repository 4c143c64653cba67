-- Anyone can type anyone's address into the contact form too, and whoever writes is thanked. What each mail was for, as
-- each purpose has a count of its own.
alter table subscription_mails add column purpose text not null default 'newsletter'
    check (purpose in ('newsletter', 'receipt'));
