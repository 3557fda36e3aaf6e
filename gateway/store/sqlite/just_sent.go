package sqlite

import (
	"strconv"

	"gatehouse/gateway/transport"
)

// What was sent of late is kept in memory until its report comes: an id leads to
// a key, the key to an item, and the item says whether it has the id still.

const itemKind = "item"

func (o outbox) idCell(id transport.MessageID) cell {
	return cell{"id", o.component, "", string(id), ""}
}

func (o outbox) itemCell(key int64) cell {
	return cell{itemKind, o.component, "", "", strconv.FormatInt(key, 10)}
}

// touch notes an item that is updated, and keeps it if it is short and the newest
// of its id.
func (o outbox) touch(t *tx, item transport.OutboxItem, keep bool) {
	if newest, known, _ := o.s.writer.recent.get(o.idCell(item.ID)); known && newest.(int64) > item.Key {
		keep = false
	}
	if !keep || item.ID == "" || len(item.Text) > recentBytes {
		t.touch(o.idCell(item.ID), nil)
		t.touch(o.itemCell(item.Key), nil)
		return
	}
	t.touch(o.idCell(item.ID), item.Key)
	t.touch(o.itemCell(item.Key), item)
}

func (o outbox) justSent(id transport.MessageID) (transport.OutboxItem, bool) {
	key, known, _ := o.s.writer.recent.get(o.idCell(id))
	if !known {
		return transport.OutboxItem{}, false
	}
	kept, known, _ := o.s.writer.recent.get(o.itemCell(key.(int64)))
	item, _ := kept.(transport.OutboxItem)
	return item, known && item.ID == id
}
