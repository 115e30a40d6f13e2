DROP TABLE attribute_work;
