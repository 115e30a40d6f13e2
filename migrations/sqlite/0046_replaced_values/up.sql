-- Values that left a list and that users have replaced by others, as far as the request that said so left users for the background. A row
-- goes when the last user was looked at.
CREATE TABLE replaced_values (
    account   BIGINT NOT NULL,
    -- The path of the attribute, `product_environments` or the role attribute,
    attribute TEXT   NOT NULL,
    -- the value that users have,
    value     TEXT   NOT NULL,
    -- and what they get for it: a JSON list, empty where it is taken away.
    becomes   TEXT   NOT NULL,
    -- Users up to this number were looked at;
    done_to   BIGINT NOT NULL,
    -- so many of them were changed,
    changed   BIGINT NOT NULL,
    -- and so many keep the value, because it is their last one or because something else of theirs cannot be written.
    kept      BIGINT NOT NULL,
    PRIMARY KEY (account, attribute, value)
);
