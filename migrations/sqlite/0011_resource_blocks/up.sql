-- Where the n-th resource of a list lies. A block of the first level holds so many resources after the block before it and up to
-- `last`, one of the second level so many blocks of the first. No transaction can create a resource inside a block any more. Resources that
-- were deleted are counted in `n` for as long as their row is in `resource_gaps`.
CREATE TABLE resource_blocks (
    account       BIGINT   NOT NULL,
    resource_type SMALLINT NOT NULL,
    level         SMALLINT NOT NULL,
    last          BIGINT   NOT NULL,
    n             BIGINT   NOT NULL,
    PRIMARY KEY (account, resource_type, level, last)
) WITHOUT ROWID;

-- Resources that were deleted lately, by any request.
CREATE TABLE resource_gaps (
    account       BIGINT   NOT NULL,
    resource_type SMALLINT NOT NULL,
    seq           BIGINT   NOT NULL,
    PRIMARY KEY (account, resource_type, seq)
) WITHOUT ROWID;

CREATE TRIGGER resources_leave_gaps AFTER DELETE ON resources
BEGIN
    INSERT INTO resource_gaps (account, resource_type, seq) VALUES (OLD.account, OLD.resource_type, OLD.seq);
END;
