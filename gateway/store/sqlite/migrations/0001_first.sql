-- "GTHS": tells this file from other programs' databases.
PRAGMA application_id = 0x47544853;

-- Times are nanoseconds since 1970, 0 for none.

CREATE TABLE inbox (
	key       INTEGER PRIMARY KEY AUTOINCREMENT,
	component TEXT NOT NULL,
	user      TEXT NOT NULL,
	dedupe    TEXT NOT NULL,
	event     BLOB NOT NULL, -- emptied when done
	done_at   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX inbox_dedupe ON inbox (component, user, dedupe) WHERE dedupe <> '';
CREATE INDEX inbox_pending ON inbox (component, user) WHERE done_at = 0;
CREATE INDEX inbox_done ON inbox (done_at) WHERE done_at > 0;

CREATE TABLE outbox (
	key        INTEGER PRIMARY KEY AUTOINCREMENT,
	component  TEXT NOT NULL,
	user       TEXT NOT NULL,
	chat       TEXT NOT NULL,
	sender     TEXT NOT NULL,
	origin     TEXT NOT NULL,
	text       TEXT NOT NULL,
	request    TEXT NOT NULL,
	state      INTEGER NOT NULL,
	id         TEXT NOT NULL,
	attempts   INTEGER NOT NULL,
	put_at     INTEGER NOT NULL,
	not_before INTEGER NOT NULL,
	last_error TEXT NOT NULL,
	status     INTEGER NOT NULL,
	digest     BLOB -- SHA-256 of what makes a duplicate; NULL: never a duplicate
) STRICT;
CREATE INDEX outbox_state ON outbox (component, state);
CREATE INDEX outbox_id ON outbox (component, id) WHERE id <> '';
CREATE INDEX outbox_digest ON outbox (digest) WHERE digest IS NOT NULL;

CREATE TABLE subscriptions (
	component TEXT NOT NULL,
	user      TEXT NOT NULL,
	contact   TEXT NOT NULL,
	sees      INTEGER NOT NULL, -- the contact sees the user's presence
	seen      INTEGER NOT NULL, -- the user sees the contact's presence
	PRIMARY KEY (component, user, contact)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
	component TEXT NOT NULL,
	user      TEXT NOT NULL,
	settings  TEXT NOT NULL, -- a JSON object of strings
	PRIMARY KEY (component, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE blocks (
	component TEXT NOT NULL,
	address   TEXT NOT NULL,
	PRIMARY KEY (component, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
	name  TEXT NOT NULL PRIMARY KEY,
	value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
