-- The names of that time: who acted, what it was done to, in which account. Rows of earlier releases have none, and their seals stay.
ALTER TABLE audit ADD COLUMN actor_name TEXT;
ALTER TABLE audit ADD COLUMN target_name TEXT;
ALTER TABLE audit ADD COLUMN account_id TEXT;
ALTER TABLE audit ADD COLUMN account_name TEXT;

-- The trail is read from the latest row down; each question has an index in that order.
DROP INDEX audit_by_account;
CREATE INDEX audit_by_time ON audit (at, seq);
CREATE INDEX audit_by_account ON audit (account, at, seq);
CREATE INDEX audit_by_action ON audit (action, at, seq);
CREATE INDEX audit_by_account_and_action ON audit (account, action, at, seq);
CREATE INDEX audit_by_actor ON audit (actor, at, seq);
CREATE INDEX audit_by_target ON audit (target, at, seq);
