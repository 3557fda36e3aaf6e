-- The room that a text to one person is a copy for.
ALTER TABLE outbox ADD COLUMN room TEXT NOT NULL DEFAULT '';
