DROP TABLE upstream_secrets;
DROP TABLE sign_in_flows;
DROP TABLE upstream_identities;
DROP TABLE recovery_codes;
DROP TABLE second_factors;
