ALTER TABLE archive ADD COLUMN beside TEXT NOT NULL DEFAULT ''; -- what it is beside its text, a JSON object; empty: nothing
