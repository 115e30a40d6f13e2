-- The same of codes and refresh tokens.
DO $$
DECLARE
    done BIGINT := 0;
    newest BIGINT := COALESCE((SELECT max(seq) FROM grants), 0);
BEGIN
    WHILE done < newest LOOP
        UPDATE refresh_tokens AS t SET account = g.account FROM grants AS g
            WHERE g.seq > done AND g.seq <= done + 5000 AND t.grant_seq = g.seq AND t.account IS NULL;
        COMMIT;
        done := done + 5000;
    END LOOP;
    UPDATE authorization_codes AS t SET account = g.account FROM grants AS g WHERE g.seq = t.grant_seq AND t.account IS NULL;
END
$$;
