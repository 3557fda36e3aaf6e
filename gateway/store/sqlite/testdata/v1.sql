-- A store of version 1 as it was shipped, with one row of everything.
-- It never changes: newer versions must go on reading it.
PRAGMA application_id = 0x47544853;
PRAGMA user_version = 1;
CREATE TABLE inbox (
	key       INTEGER PRIMARY KEY AUTOINCREMENT,
	component TEXT NOT NULL,
	user      TEXT NOT NULL,
	dedupe    TEXT NOT NULL,
	event     BLOB NOT NULL,
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
	digest     BLOB
) STRICT;
CREATE INDEX outbox_state ON outbox (component, state);
CREATE INDEX outbox_id ON outbox (component, id) WHERE id <> '';
CREATE INDEX outbox_digest ON outbox (digest) WHERE digest IS NOT NULL;
CREATE TABLE subscriptions (
	component TEXT NOT NULL,
	user      TEXT NOT NULL,
	contact   TEXT NOT NULL,
	sees      INTEGER NOT NULL,
	seen      INTEGER NOT NULL,
	PRIMARY KEY (component, user, contact)
) STRICT, WITHOUT ROWID;
CREATE TABLE accounts (
	component TEXT NOT NULL,
	user      TEXT NOT NULL,
	settings  TEXT NOT NULL,
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
INSERT INTO inbox VALUES (7, 'sms.example.org', 'romeo@example.org', 'MessageReceived:SM1', x'7b7d', 0);
INSERT INTO outbox VALUES (9, 'sms.example.org', 'romeo@example.org', '+15551234567', '+15557654321', 'o1', 'hello', 'r1',
	2, 'SM2', 1, 1714564800000000000, 1714564860000000000, 'timed out', 1,
	x'86a1c8e3ad76a33eff2dce24e4b7bc4fb9bb5b1d47ed51ef77c0a5ef4c2d4a66');
INSERT INTO subscriptions VALUES ('sms.example.org', 'romeo@example.org', '+15551234567', 1, 0);
INSERT INTO accounts VALUES ('sms.example.org', 'romeo@example.org', '{"nick":"romeo"}');
INSERT INTO blocks VALUES ('sms.example.org', 'evil.example');
INSERT INTO secrets VALUES ('occupant-id', x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');
