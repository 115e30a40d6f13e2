DROP TABLE account_days;
DROP TABLE client_days;
