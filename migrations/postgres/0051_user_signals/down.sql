DROP TABLE user_signals;
