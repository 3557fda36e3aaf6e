package biboumi

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"gatehouse/component/jid"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const (
	archiveBatch  = 500
	progressEvery = 2 * time.Second
	warningsMost  = 50 // that are printed
)

// A Takeover is the work of one call.
type Takeover struct {
	File      string // biboumi's database
	Component string // the domain it was, and is
	Network   transport.Network
	Store     store.Store // nil: nothing is written
	Out       io.Writer   // what is found and done, for people
}

// taking is a Takeover at work.
type taking struct {
	Takeover
	from     *database
	form     transport.Configurable
	counts   map[string]int // by what was taken
	left     map[string]int // by why it was not
	warnings []string
	places   map[string]placed
	nicks    map[[2]string]string // by owner and server
}

// placed is where something of biboumi's is here.
type placed struct {
	at   transport.Address
	kind transport.Kind
	why  string // not, if it is nowhere
}

// Run reads everything, and writes it to the store if there is one. What is
// there already is left as it is, so it may be run again.
func (t Takeover) Run(ctx context.Context) error {
	form, ok := t.Network.(transport.Configurable)
	if !ok {
		return fmt.Errorf("%s is no component that biboumi could have been", t.Component)
	}
	from, err := open(ctx, t.File)
	if err != nil {
		return err
	}
	defer from.Close()
	w := &taking{
		Takeover: t, from: from, form: form,
		counts: map[string]int{}, left: map[string]int{}, places: map[string]placed{}, nicks: map[[2]string]string{},
	}
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"settings for everything", w.takeGlobal},
		{"settings of servers", w.takeServers},
		{"settings of channels", w.takeChannels},
		{"subscriptions", w.takeRoster},
		{"the archive", w.takeArchive},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("take over %s: %w", step.what, err)
		}
	}
	w.report()
	return nil
}

// What is counted.
const (
	countSettings = "settings of an address"
	countRooms    = "channels that people stay in"
	countContacts = "subscriptions"
	countMessages = "messages"
)

func (w *taking) report() {
	fmt.Fprintf(w.Out, "%s, as %s:\n", w.File, w.Component)
	for _, what := range []string{countSettings, countRooms, countContacts, countMessages} {
		fmt.Fprintf(w.Out, "  %8d  %s\n", w.counts[what], what)
	}
	for _, why := range slices.Sorted(maps.Keys(w.left)) {
		fmt.Fprintf(w.Out, "  %8d  left out: %s\n", w.left[why], why)
	}
	for i, text := range w.warnings {
		if i == warningsMost {
			fmt.Fprintf(w.Out, "  and %d more remarks\n", len(w.warnings)-i)
			break
		}
		fmt.Fprintf(w.Out, "  %s\n", text)
	}
}

func (w *taking) leave(why string) { w.left[why]++ }

func (w *taking) warn(user string, at transport.Address, text string) {
	where := string(at)
	if at == "" {
		where = "everything"
	}
	w.warnings = append(w.warnings, fmt.Sprintf("%s, %s: %s", user, where, text))
}

// owner gives a bare address as the store spells it; false if it is none.
func (w *taking) owner(text string) (string, bool) {
	j, err := jid.ParsePrepared(text)
	if err != nil || j.Local == "" {
		w.leave("an owner that is no address: " + fmt.Sprintf("%.80q", text))
		return "", false
	}
	return j.Bare().String(), true
}

// place finds an address of biboumi's here. An empty name is the server itself.
func (w *taking) place(name, server string) placed {
	text := server
	if name != "" {
		text = name + "%" + server
	}
	if p, known := w.places[text]; known {
		return p
	}
	var p placed
	var err error
	if p.at, p.kind, err = w.Network.Resolve(text); err != nil {
		p.why = err.Error()
	}
	w.places[text] = p
	return p
}

// set stores what somebody set for an address, unless they have set something
// here.
func (w *taking) set(ctx context.Context, user string, at transport.Address, kind transport.Kind, values transport.Values) error {
	checked, complaints := w.form.CheckSettings(user, at, kind, values)
	for _, c := range complaints {
		w.warn(user, at, c)
	}
	if len(checked) == 0 {
		return nil // as it is by itself
	}
	if w.Store == nil {
		w.counts[countSettings]++
		return nil
	}
	settings := w.Store.Settings()
	there, err := settings.Get(ctx, w.Component, user, at)
	if err != nil {
		return err
	}
	if there != nil {
		w.leave("settings of somebody who has some here")
		return nil
	}
	form, _ := w.form.SettingsForm(user, at, kind, checked)
	w.counts[countSettings]++
	return settings.Set(ctx, w.Component, user, at, checked, form.Secrets(checked)...)
}

func (w *taking) takeGlobal(ctx context.Context) error {
	return w.from.rows(ctx, globalTable, func(r record) error {
		user, ok := w.owner(r["owner_"])
		if !ok {
			return nil
		}
		return w.set(ctx, user, "", transport.Server, globalSettings(r))
	})
}

func (w *taking) takeServers(ctx context.Context) error {
	commands := map[string][]string{}
	err := w.from.rows(ctx, commandTable, func(r record) error {
		commands[r["fk_"]] = append(commands[r["fk_"]], r["afterconnectioncommand_"])
		return nil
	})
	if err != nil {
		return err
	}
	return w.from.rows(ctx, serverTable, func(r record) error {
		user, ok := w.owner(r["owner_"])
		if !ok {
			return nil
		}
		p := w.place("", r["server_"])
		if p.why != "" {
			w.leave(p.why)
			return nil
		}
		w.nicks[[2]string{user, r["server_"]}] = r["nick_"]
		return w.set(ctx, user, p.at, transport.Server, serverSettings(r, commands[r["id_"]]))
	})
}

func (w *taking) takeChannels(ctx context.Context) error {
	return w.from.rows(ctx, channelTable, func(r record) error {
		user, ok := w.owner(r["owner_"])
		if !ok {
			return nil
		}
		p := w.place(r["channel_"], r["server_"])
		if p.why == "" && p.kind != transport.Room {
			p.why = "a channel that is none"
		}
		if p.why != "" {
			w.leave(p.why)
			return nil
		}
		if err := w.set(ctx, user, p.at, transport.Room, channelSettings(r)); err != nil || r["persistent_"] != "1" {
			return err
		}
		return w.stay(ctx, user, p.at, r["server_"])
	})
}

// stay has a channel joined at the start. biboumi does not remember the nick:
// it is the one that was set, or what comes before the @ of the address.
func (w *taking) stay(ctx context.Context, user string, at transport.Address, server string) error {
	nick := w.nicks[[2]string{user, server}]
	if nick == "" {
		j, err := jid.Parse(user)
		if err != nil {
			return err
		}
		nick = jid.Unescape(j.Local)
	}
	if p := w.place(nick, server); p.why != "" || p.kind != transport.Person {
		w.leave("a channel to stay in, as no nick is known: it is joined once, then stayed in")
		return nil
	}
	w.counts[countRooms]++
	if w.Store == nil {
		return nil
	}
	rooms := w.Store.Rooms()
	there, err := rooms.OfUser(ctx, w.Component, user)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(there, func(r store.Room) bool { return r.Address == at }) {
		return nil
	}
	return rooms.Set(ctx, store.Room{Component: w.Component, User: user, Address: at, Nick: nick})
}

// takeRoster takes those who see whether the gateway, or a server, is there.
func (w *taking) takeRoster(ctx context.Context) error {
	return w.from.rows(ctx, rosterTable, func(r record) error {
		user, ok := w.owner(r["remote"])
		if !ok {
			return nil
		}
		contact, err := jid.ParsePrepared(r["local"])
		if err != nil || contact.Domain != w.Component {
			w.leave("a subscription to another domain than " + w.Component)
			return nil
		}
		if contact.Local != "" {
			p := w.place("", jid.Unescape(contact.Local))
			if p.why != "" {
				w.leave(p.why)
				return nil
			}
			if local := jid.Escape(string(p.at)); local != contact.Local {
				w.leave(fmt.Sprintf("a subscription to %s, which is %s@%s here", contact, local, w.Component))
				return nil
			}
		}
		w.counts[countContacts]++
		if w.Store == nil {
			return nil
		}
		return w.Store.Subscriptions().Set(ctx, store.Subscription{
			Component: w.Component, User: user, Contact: contact.Local, To: true, From: true,
		})
	})
}

func (w *taking) takeArchive(ctx context.Context) error {
	all, err := w.from.count(ctx, archiveTable)
	if err != nil {
		return err
	}
	var batch []store.Archived
	read, told := 0, time.Now()
	flush := func() error {
		if w.Store == nil {
			w.counts[countMessages] += len(batch)
		} else if len(batch) > 0 {
			added, err := w.Store.Archive().Import(ctx, batch)
			if err != nil {
				return err
			}
			w.counts[countMessages] += added
			w.left["messages that were here already"] += len(batch) - added
		}
		batch = batch[:0]
		if time.Since(told) >= progressEvery {
			told = time.Now()
			fmt.Fprintf(w.Out, "  %d of %d messages (%d %%)\n", read, all, read*100/max(all, 1))
		}
		return nil
	}
	err = w.from.rows(ctx, archiveTable, func(r record) error {
		read++
		user, ok := w.owner(r["owner_"])
		if !ok {
			return nil
		}
		p := w.place(r["ircchanname_"], r["ircservername_"])
		if p.why != "" {
			w.leave(p.why)
			return nil
		}
		batch = append(batch, store.Archived{
			Component: w.Component, User: user, Chat: p.at, Late: true,
			ID: r["uuid_"], StanzaID: r["uuid_"], Nick: r["nick_"], Text: r["body_"],
			At: time.Unix(r.number("date_"), 0),
		})
		if len(batch) == archiveBatch {
			return flush()
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	if w.left["messages that were here already"] == 0 {
		delete(w.left, "messages that were here already")
	}
	return err
}
