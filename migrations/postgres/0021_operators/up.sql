-- An operator who signs in at an OpenID provider is known there by this address, and keeps one id however often they sign in.
ALTER TABLE operators ADD COLUMN signs_in_as TEXT COLLATE "C";
CREATE INDEX operators_by_sign_in ON operators (signs_in_as);
