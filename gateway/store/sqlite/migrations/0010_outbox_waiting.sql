-- How many messages of each user wait in the outbox, in the states Queued (0)
-- and Sending (1) of package transport.
CREATE TABLE outbox_waiting (
	component TEXT NOT NULL,
	user      TEXT NOT NULL,
	items     INTEGER NOT NULL,
	PRIMARY KEY (component, user)
) STRICT, WITHOUT ROWID;

INSERT INTO outbox_waiting (component, user, items)
	SELECT component, user, count(*) FROM outbox WHERE state < 2 GROUP BY component, user;

CREATE TRIGGER outbox_comes AFTER INSERT ON outbox WHEN new.state < 2 BEGIN
	INSERT INTO outbox_waiting (component, user, items) VALUES (new.component, new.user, 1)
		ON CONFLICT DO UPDATE SET items = items + 1;
END;

CREATE TRIGGER outbox_moves AFTER UPDATE OF state ON outbox WHEN (old.state < 2) <> (new.state < 2) BEGIN
	INSERT INTO outbox_waiting (component, user, items) VALUES (new.component, new.user, iif(new.state < 2, 1, -1))
		ON CONFLICT DO UPDATE SET items = items + excluded.items;
END;

CREATE TRIGGER outbox_goes AFTER DELETE ON outbox WHEN old.state < 2 BEGIN
	UPDATE outbox_waiting SET items = items - 1 WHERE component = old.component AND user = old.user;
END;
