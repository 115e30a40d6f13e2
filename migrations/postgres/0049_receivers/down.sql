DROP TABLE deliveries;
DROP TABLE dead_letters;
DROP TABLE receivers;
