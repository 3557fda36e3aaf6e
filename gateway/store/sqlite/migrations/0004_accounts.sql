-- What users entered may be a password: from now on it is in sealed, and
-- settings is empty.
ALTER TABLE accounts ADD COLUMN sealed BLOB NOT NULL DEFAULT x'';
