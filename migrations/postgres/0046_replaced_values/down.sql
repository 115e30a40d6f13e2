DROP TABLE replaced_values;
