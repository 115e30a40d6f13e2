-- What the identity provider of an account says of a user beside SCIM: that all they had before this time has ended, and whether it has disabled
-- them, since when and why.
CREATE TABLE user_signals (
    resource   BIGINT PRIMARY KEY NOT NULL,
    account    BIGINT NOT NULL,
    signed_out BIGINT NOT NULL,
    disabled   BIGINT,
    reason     TEXT
);
CREATE INDEX user_signals_by_account ON user_signals (account);
