-- What transports remember of their users, sealed.
CREATE TABLE records (
	component TEXT NOT NULL,
	kind      TEXT NOT NULL,
	user      TEXT NOT NULL, -- empty: the network itself
	key       TEXT NOT NULL,
	value     BLOB NOT NULL, -- sealed
	PRIMARY KEY (component, kind, user, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX records_user ON records (component, user);
