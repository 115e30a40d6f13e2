CREATE OR REPLACE FUNCTION leave_gap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO resource_gaps (account, resource_type, seq) VALUES (OLD.account, OLD.resource_type, OLD.seq);
    RETURN NULL;
END
$$;
