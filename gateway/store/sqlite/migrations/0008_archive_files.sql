ALTER TABLE archive ADD COLUMN file TEXT NOT NULL DEFAULT ''; -- what the text is the link of, a JSON object; empty: nothing
