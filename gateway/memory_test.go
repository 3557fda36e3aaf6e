package gateway_test

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// Romeo has the phone in his roster, where it need not be brought first.
var knownPhone = transport.RecordItem{User: romeo, Kind: "contact", Key: number, Value: []byte(`{"Known":3}`)}

// A memory is a store without a disk, for stories that are not about storing:
// it has what the gateway needs of one.
type memory struct {
	store.Store // nil

	mu       sync.Mutex
	items    []store.InboxItem
	done     map[int64]bool
	contacts map[[3]string]store.Subscription
	settings map[[3]string]transport.Values
	rooms    map[[3]string]store.Room
	accounts map[[2]string]transport.Account
	blocks   map[[2]string]bool
	records  map[[4]string][]byte
}

func newMemory() *memory {
	return &memory{
		done: map[int64]bool{}, contacts: map[[3]string]store.Subscription{},
		settings: map[[3]string]transport.Values{}, rooms: map[[3]string]store.Room{},
		accounts: map[[2]string]transport.Account{}, blocks: map[[2]string]bool{},
		records: map[[4]string][]byte{{phones, romeo, knownPhone.Kind, number}: knownPhone.Value},
	}
}

func (m *memory) Inbox() store.Inbox                 { return memoryInbox{m} }
func (m *memory) Subscriptions() store.Subscriptions { return memorySubscriptions{m} }
func (m *memory) Settings() store.Settings           { return memorySettings{m} }
func (m *memory) Rooms() store.Rooms                 { return memoryRooms{m} }
func (m *memory) Accounts() store.Accounts           { return memoryAccounts{m} }
func (m *memory) Blocks() store.Blocks               { return memoryBlocks{m} }
func (m *memory) Close() error                       { return nil }

func (m *memory) Secret(_ context.Context, name string) ([]byte, error) {
	return []byte("the secret of " + name), nil
}

func (m *memory) Forget(_ context.Context, component, user string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.accounts, [2]string{component, user})
	theirs := func(key [3]string) bool { return key[0] == component && key[1] == user }
	maps.DeleteFunc(m.contacts, func(key [3]string, _ store.Subscription) bool { return theirs(key) })
	maps.DeleteFunc(m.settings, func(key [3]string, _ transport.Values) bool { return theirs(key) })
	maps.DeleteFunc(m.rooms, func(key [3]string, _ store.Room) bool { return theirs(key) })
	maps.DeleteFunc(m.records, func(key [4]string, _ []byte) bool { return key[0] == component && key[1] == user })
	return nil
}

type memoryInbox struct{ *memory }

func (m memoryInbox) Put(_ context.Context, item store.InboxItem) (int64, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, was := range m.items {
		if item.Dedupe != "" && was.Component == item.Component && was.User == item.User && was.Dedupe == item.Dedupe {
			return was.Key, false, nil
		}
	}
	item.Key = int64(len(m.items) + 1)
	m.items = append(m.items, item)
	return item.Key, true, nil
}

func (m memoryInbox) Done(keys ...int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range keys {
		m.done[k] = true
	}
}

func (m memoryInbox) Pending(_ context.Context, component, user string, after int64, max int) (out []store.InboxItem, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, item := range m.items {
		if item.Component == component && item.User == user && item.Key > after && !m.done[item.Key] && len(out) < max {
			out = append(out, item)
		}
	}
	return out, nil
}

func (m memoryInbox) Users(_ context.Context, component string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	users := map[string]bool{}
	for _, item := range m.items {
		if item.Component == component && !m.done[item.Key] {
			users[item.User] = true
		}
	}
	return slices.Sorted(maps.Keys(users)), nil
}

type memorySubscriptions struct{ *memory }

func (m memorySubscriptions) Set(_ context.Context, s store.Subscription) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := [3]string{s.Component, s.User, s.Contact}
	if m.contacts[key] = s; !s.From && !s.To {
		delete(m.contacts, key)
	}
	return nil
}

func (m memorySubscriptions) Get(_ context.Context, component, user, contact string) (store.Subscription, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.contacts[[3]string{component, user, contact}], nil
}

func (m memorySubscriptions) OfUser(_ context.Context, component, user string) (out []store.Subscription, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.contacts {
		if s.Component == component && s.User == user {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b store.Subscription) int { return cmp.Compare(a.Contact, b.Contact) })
	return out, nil
}

func (m memorySubscriptions) Users(_ context.Context, component string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	users := map[string]bool{}
	for _, s := range m.contacts {
		if s.Component == component && s.From {
			users[s.User] = true
		}
	}
	return slices.Sorted(maps.Keys(users)), nil
}

type memorySettings struct{ *memory }

func (m memorySettings) For(component string) transport.Settings {
	return store.SettingsFor(m, component)
}

func (m memorySettings) Get(_ context.Context, component, user string, at transport.Address) (transport.Values, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.settings[[3]string{component, user, string(at)}]), nil
}

func (m memorySettings) Set(_ context.Context, component, user string, at transport.Address, v transport.Values, _ ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.settings[[3]string{component, user, string(at)}] = maps.Clone(v)
	return nil
}

func (m memorySettings) Delete(_ context.Context, component, user string, at transport.Address) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.settings, [3]string{component, user, string(at)})
	return nil
}

func (m memorySettings) All(_ context.Context, component, user string) (map[transport.Address]transport.Values, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[transport.Address]transport.Values{}
	for key, v := range m.settings {
		if key[0] == component && key[1] == user {
			all[transport.Address(key[2])] = maps.Clone(v)
		}
	}
	return all, nil
}

type memoryRooms struct{ *memory }

func (m memoryRooms) Set(_ context.Context, r store.Room) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rooms[[3]string{r.Component, r.User, string(r.Address)}] = r
	return nil
}

func (m memoryRooms) Delete(_ context.Context, component, user string, at transport.Address) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.rooms, [3]string{component, user, string(at)})
	return nil
}

func (m memoryRooms) OfUser(_ context.Context, component, user string) (out []store.Room, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rooms {
		if r.Component == component && r.User == user {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b store.Room) int { return cmp.Compare(a.Address, b.Address) })
	return out, nil
}

func (m memoryRooms) Users(_ context.Context, component string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	users := map[string]bool{}
	for _, r := range m.rooms {
		if r.Component == component {
			users[r.User] = true
		}
	}
	return slices.Sorted(maps.Keys(users)), nil
}

type memoryAccounts struct{ *memory }

func (m memoryAccounts) Get(_ context.Context, component, user string) (transport.Account, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.accounts[[2]string{component, user}]
	return a, ok, nil
}

func (m memoryAccounts) Set(_ context.Context, component string, a transport.Account) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accounts[[2]string{component, a.User}] = a
	return nil
}

func (m memoryAccounts) Delete(_ context.Context, component, user string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.accounts, [2]string{component, user})
	return nil
}

func (m memoryAccounts) All(_ context.Context, component string) (out []transport.Account, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, a := range m.accounts {
		if key[0] == component {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b transport.Account) int { return cmp.Compare(a.User, b.User) })
	return out, nil
}

type memoryBlocks struct{ *memory }

func (m memoryBlocks) Block(_ context.Context, component, address string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blocks[[2]string{component, address}] = true
	return nil
}

func (m memoryBlocks) Unblock(_ context.Context, component, address string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.blocks, [2]string{component, address})
	return nil
}

func (m memoryBlocks) Blocked(_ context.Context, component string) (out []string, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range m.blocks {
		if key[0] == component {
			out = append(out, key[1])
		}
	}
	slices.Sort(out)
	return out, nil
}

func (m *memory) Records(component string) transport.Records { return memoryRecords{m, component} }

type memoryRecords struct {
	*memory
	component string
}

func (m memoryRecords) Get(_ context.Context, user, kind, key string) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.records[[4]string{m.component, user, kind, key}]
	return v, ok, nil
}

func (m memoryRecords) Put(_ context.Context, r transport.RecordItem) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records[[4]string{m.component, r.User, r.Kind, r.Key}] = r.Value
	return nil
}

func (m memoryRecords) Delete(_ context.Context, user, kind, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, [4]string{m.component, user, kind, key})
	return nil
}

func (m memoryRecords) OfUser(_ context.Context, user, kind string) (all []transport.RecordItem, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, v := range m.records {
		if key[0] == m.component && key[1] == user && key[2] == kind {
			all = append(all, transport.RecordItem{User: user, Kind: kind, Key: key[3], Value: v})
		}
	}
	return all, nil
}

func (m memoryRecords) OfKind(context.Context, string, transport.RecordItem, int) ([]transport.RecordItem, error) {
	return nil, nil
}
