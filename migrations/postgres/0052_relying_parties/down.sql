DROP TABLE logout_tokens;
DROP TABLE relying_parties;
