DROP TABLE client_failures;
DROP TABLE used_assertions;
DROP TABLE static_tokens;
