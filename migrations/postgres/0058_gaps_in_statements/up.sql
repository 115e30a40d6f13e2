-- The statement that deletes a resource says so itself by now. Servers of the release before leave it to the trigger, so it stays for one
-- release more, and the two are of one mind.
CREATE OR REPLACE FUNCTION leave_gap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO resource_gaps (account, resource_type, seq) VALUES (OLD.account, OLD.resource_type, OLD.seq) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
