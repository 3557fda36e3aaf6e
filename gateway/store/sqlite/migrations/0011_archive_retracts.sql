ALTER TABLE archive ADD COLUMN retracts TEXT NOT NULL DEFAULT ''; -- what is taken back by it, as clients call that; empty: nothing

UPDATE archive SET retracts = coalesce(json_extract(beside, '$.Retracts.ID'), '') WHERE beside LIKE '%"Retracts":%';

CREATE INDEX archive_retracts ON archive (chat, retracts) WHERE retracts <> '';
