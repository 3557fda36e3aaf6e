CREATE TABLE archive_chats (
	key       INTEGER PRIMARY KEY,
	component TEXT NOT NULL,
	address   TEXT NOT NULL,
	UNIQUE (component, address)
) STRICT;

-- What one user saw of one chat; of all private ones where the address is empty.
CREATE TABLE archive_views (
	key       INTEGER PRIMARY KEY,
	component TEXT NOT NULL,
	user      TEXT NOT NULL,
	address   TEXT NOT NULL,
	UNIQUE (component, user, address)
) STRICT;

-- One row for all who saw the same.
CREATE TABLE archive (
	key       INTEGER PRIMARY KEY, -- microseconds since 1970, moved until no other has them: time and order
	chat      INTEGER NOT NULL,
	id        TEXT NOT NULL,       -- as shown: several rows have it if they differ in anything else
	stanza_id TEXT NOT NULL,
	origin    TEXT NOT NULL,
	nick      TEXT NOT NULL,
	occupant  TEXT NOT NULL,
	sent      INTEGER NOT NULL,
	text      TEXT NOT NULL,
	views     INTEGER NOT NULL     -- how many rows of archive_seen have it
) STRICT;
CREATE INDEX archive_id ON archive (id, chat);

-- Who was there.
CREATE TABLE archive_seen (
	view    INTEGER NOT NULL,
	message INTEGER NOT NULL,
	PRIMARY KEY (view, message)
) STRICT, WITHOUT ROWID;
