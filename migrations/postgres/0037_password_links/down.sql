DROP TABLE forgotten_passwords;
DROP TABLE password_links;
