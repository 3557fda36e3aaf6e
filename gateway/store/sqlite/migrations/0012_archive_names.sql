-- What the clients of one user call the message; NULL: as the row itself says.
ALTER TABLE archive_seen ADD COLUMN stanza_id TEXT;
ALTER TABLE archive_seen ADD COLUMN origin TEXT;
