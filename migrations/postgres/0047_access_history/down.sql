DROP TABLE past_terms;
DROP TABLE past_members;
DROP TABLE past_resources;
