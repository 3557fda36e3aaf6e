-- A text that the right key file opens.
CREATE TABLE seal (
	one   INTEGER PRIMARY KEY CHECK (one = 1),
	proof BLOB NOT NULL
) STRICT;

-- A sealed value is AES-GCM's nonce and what it encrypted; empty for nothing.

CREATE TABLE settings (
	component TEXT NOT NULL,
	user      TEXT NOT NULL,
	address   TEXT NOT NULL, -- empty: the whole network
	plain     TEXT NOT NULL, -- a JSON object of lists of strings
	sealed    BLOB NOT NULL, -- another
	PRIMARY KEY (component, user, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE rooms (
	component TEXT NOT NULL,
	user      TEXT NOT NULL,
	address   TEXT NOT NULL,
	nick      TEXT NOT NULL,
	password  BLOB NOT NULL, -- sealed
	PRIMARY KEY (component, user, address)
) STRICT, WITHOUT ROWID;
