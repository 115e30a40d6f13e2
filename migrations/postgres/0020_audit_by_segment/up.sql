-- The rows of a segment are found by its number alone: a row that claims a segment counts as part of it, wherever it lies.
CREATE INDEX audit_by_segment ON audit (segment, seq) WHERE segment IS NOT NULL;
