DROP INDEX logins_of_services;
DROP INDEX grants_of_owners;
