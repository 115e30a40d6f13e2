-- What a session's browser calls itself, in words such as "Firefox on Windows"; the User-Agent itself is not kept.
ALTER TABLE sessions ADD COLUMN browser TEXT;
