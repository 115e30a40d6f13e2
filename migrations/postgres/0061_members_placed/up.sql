-- The memberships that were there say in which account they are. Some thousands are committed at a time, so that servers of the release before
-- wait for none of them; where this is interrupted, it goes on from there.
DO $$
DECLARE
    g RECORD;
    n BIGINT;
    uncommitted BIGINT := 0;
BEGIN
    FOR g IN SELECT seq, account FROM resources WHERE resource_type = 2 LOOP
        UPDATE members SET account = g.account WHERE group_seq = g.seq AND account IS NULL;
        GET DIAGNOSTICS n = ROW_COUNT;
        uncommitted := uncommitted + n;
        IF uncommitted >= 5000 THEN
            COMMIT;
            uncommitted := 0;
        END IF;
    END LOOP;
END
$$;
