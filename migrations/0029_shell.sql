-- What was done with a lead by nobody on the staff was done by the operator, on the shell.
alter table lead_history alter column staff_id drop not null;
