DROP TABLE signal_polls;
