-- The same of codes and refresh tokens.
UPDATE authorization_codes SET account = (SELECT g.account FROM grants AS g WHERE g.seq = authorization_codes.grant_seq);
UPDATE refresh_tokens SET account = (SELECT g.account FROM grants AS g WHERE g.seq = refresh_tokens.grant_seq);
