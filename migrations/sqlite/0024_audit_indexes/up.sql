-- A request writes its row into one small index, of the rows that have no seal yet. The job that seals them, in batches, thereby enters
-- them into the indexes that questions are answered from; what has no seal yet is read beside.
DROP INDEX audit_by_time;
DROP INDEX audit_by_account;
DROP INDEX audit_by_action;
DROP INDEX audit_by_account_and_action;
DROP INDEX audit_by_actor;
DROP INDEX audit_by_target;
CREATE INDEX audit_by_time ON audit (at, seq) WHERE segment IS NOT NULL;
CREATE INDEX audit_by_account ON audit (account, at, seq) WHERE segment IS NOT NULL;
CREATE INDEX audit_by_action ON audit (action, at, seq) WHERE segment IS NOT NULL;
CREATE INDEX audit_by_account_and_action ON audit (account, action, at, seq) WHERE segment IS NOT NULL;
CREATE INDEX audit_by_actor ON audit (actor, at, seq) WHERE segment IS NOT NULL;
CREATE INDEX audit_by_target ON audit (target, at, seq) WHERE segment IS NOT NULL;
