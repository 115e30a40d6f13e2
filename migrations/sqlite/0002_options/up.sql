-- What an operator may set that SQL never asks for: one document for each client and account. Absent members have their defaults.
ALTER TABLE clients ADD COLUMN options TEXT NOT NULL DEFAULT '{}';
ALTER TABLE accounts ADD COLUMN options TEXT NOT NULL DEFAULT '{}';
