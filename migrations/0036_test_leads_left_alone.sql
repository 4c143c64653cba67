-- As in 0014, but for leads that a test key has sent: those go by themselves, and nobody is told of them before.
create or replace function leads_left_alone(days integer) returns table (id uuid, goes_at timestamptz)
language sql stable as $$
    select leads.id, leads.goes_at from leads
     where created_at < now() - make_interval(days => days) and not test
       and not exists (select from lead_history where lead_id = leads.id and at >= now() - make_interval(days => days))
$$;
