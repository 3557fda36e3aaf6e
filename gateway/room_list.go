package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const (
	listPage    = 100              // rooms in one answer, at most
	listFresh   = 30 * time.Second // who starts to read then gets a new list
	listKept    = 10 * time.Minute // who reads on gets the same list so long
	maxLists    = 4                // of one user
	maxListAsks = 16               // that wait for one list
	maxWords    = 16               // of a search, each of which is looked for in every room
)

// A roomList is the list of a server's rooms, as the user sees it: others may
// see others.
type roomList struct {
	rooms []listedRoom // by address
	since time.Time    // it came; zero: never
	doubt bool         // rooms came or went since
	asks  []listAsk    // that wait for the one under way
}

type listedRoom struct {
	transport.ListedRoom
	jid string
}

// A listAsk is an iq that a list answers.
type listAsk struct {
	st     *stanza.Received
	since  time.Time
	answer func(rooms []listedRoom) (payload, *stanza.Error)
}

// listServer says which server's rooms an address lists. False: none.
func (h *host) listServer(to jid.JID) (transport.Address, bool) {
	t, err := h.target(to)
	switch {
	case err != nil:
		return "", false
	case t.kind == toServer:
		return t.address, true
	}
	return h.info.Home, t.kind == toGateway && h.info.Home != ""
}

// sendRoomItems lists the rooms of a server (XEP-0045 §6.3), by pages
// (XEP-0059): the whole is often too much for one stanza.
func (s *session) sendRoomItems(ctx context.Context, st *stanza.Received) (taken bool) {
	server, lists := s.host.listServer(st.To)
	if !lists || !s.host.info.Lists || st.Payload().Attr("node") != "" {
		return false
	}
	return s.askForRooms(ctx, st, server, func(rooms []listedRoom) (payload, *stanza.Error) {
		page, some, err := cutRooms(st, rooms)
		if err != nil {
			return nil, err
		}
		items := stanza.DiscoItems{Page: &page}
		for _, r := range some {
			items.Items = append(items.Items, stanza.Item{JID: r.jid, Name: r.Name + " (" + strconv.Itoa(r.Members) + ")"})
		}
		return items, nil
	})
}

// cutRooms gives the page that an iq asks for.
func cutRooms(st *stanza.Received, rooms []listedRoom) (stanza.Page, []listedRoom, *stanza.Error) {
	request, _ := stanza.ReadPageRequest(st.Payload())
	page := stanza.Page{Index: -1, Count: len(rooms)}
	from, to, ok := request.Cut(len(rooms), listPage, func(id string) (int, bool) {
		at := slices.IndexFunc(rooms, func(r listedRoom) bool { return r.jid == id })
		return at, at >= 0
	})
	if !ok { // XEP-0059 §2.2
		return page, nil, &stanza.Error{Class: stanza.Cancel, Condition: stanza.ItemNotFound, Text: "the list has changed; read it from its beginning"}
	}
	if from < to {
		page.First, page.Last, page.Index = rooms[from].jid, rooms[to-1].jid, from
	}
	return page, rooms[from:to], nil
}

// sendChannelSearch finds rooms (XEP-0433).
func (s *session) sendChannelSearch(ctx context.Context, st *stanza.Received) (taken bool) {
	server, lists := s.host.listServer(st.To)
	if !lists || !s.host.info.Lists {
		return false
	}
	search, submitted := stanza.ReadChannelSearch(st.Payload())
	bad := func(condition stanza.Condition, detail, text string) bool {
		s.refuse(st, stanza.Error{Class: stanza.Modify, Condition: condition, Text: text, Detail: stanza.SearchError(detail)})
		return true
	}
	switch {
	case !submitted:
		s.send(st.Result(stanza.ChannelSearchForm()))
		return true
	case search.OrderNotOffered:
		return bad(stanza.FeatureNotImplemented, "invalid-sort-key", "rooms are sorted by their address or by how many are in them")
	case search.All && search.Text != "":
		return bad(stanza.BadRequest, "conflicting-fields", "either all rooms are listed or those that have the words in them")
	case !search.All && search.Text == "":
		return bad(stanza.BadRequest, "no-search-conditions", "write a word to search for")
	case !search.All && !search.InName && !search.InText && !search.InAddress:
		return bad(stanza.BadRequest, "conflicting-fields", "search in names, in topics or in addresses")
	case len(strings.Fields(search.Text)) > maxWords:
		s.refuse(st, badRequest(fmt.Sprintf("search for at most %d words", maxWords)))
		return true
	}
	return s.askForRooms(ctx, st, server, func(rooms []listedRoom) (payload, *stanza.Error) {
		page, some, err := cutRooms(st, found(rooms, search))
		if err != nil {
			return nil, err
		}
		result := stanza.FoundChannels{Page: page}
		for _, r := range some {
			result.Channels = append(result.Channels, stanza.FoundChannel{Address: r.jid, Name: r.Name, Description: r.Subject, Users: r.Members})
		}
		return result, nil
	})
}

// found gives the rooms that have all the words, in the order wished for.
func found(rooms []listedRoom, search stanza.ChannelSearch) []listedRoom {
	var some []listedRoom
	words := strings.Fields(strings.ToLower(search.Text))
	for _, r := range rooms {
		var in []string
		add := func(wanted bool, text string) {
			if wanted {
				in = append(in, strings.ToLower(text))
			}
		}
		add(search.InName, r.Name)
		add(search.InText, r.Subject)
		add(search.InAddress, r.jid)
		lacks := func(word string) bool {
			return !slices.ContainsFunc(in, func(text string) bool { return strings.Contains(text, word) })
		}
		if r.Members >= search.MinUsers && !search.OtherTypes && !slices.ContainsFunc(words, lacks) {
			some = append(some, r)
		}
	}
	if search.Order == stanza.OrderByUsers {
		slices.SortStableFunc(some, func(a, b listedRoom) int { return cmp.Compare(b.Members, a.Members) })
	}
	return some
}

// askForRooms answers an iq from the list that is kept, or once there is one.
// It opens the link: whoever asks for a list wants to see one.
func (s *session) askForRooms(ctx context.Context, st *stanza.Received, server transport.Address, answer func([]listedRoom) (payload, *stanza.Error)) (taken bool) {
	opened, err := s.openLink()
	link, can := opened.(transport.RoomList)
	switch {
	case err != nil:
		s.fail(st, err)
		return true
	case !can:
		return false
	}
	list := s.listOf(server)
	ask := listAsk{st: st, since: time.Now(), answer: answer}
	age := time.Since(list.since)
	page, _ := stanza.ReadPageRequest(st.Payload())
	readsOn := page.After != "" || page.Before != "" || page.Index > 0
	switch {
	case !list.since.IsZero() && (age < listFresh && !list.doubt || readsOn && age < listKept):
		s.answerAsk(ask, list.rooms)
	case len(list.asks) >= maxListAsks:
		s.refuse(st, overloaded("wait for the list of rooms that is on its way"))
	default:
		list.asks = append(list.asks, ask)
		if len(list.asks) > 1 {
			break
		}
		if err := link.ListRooms(ctx, server, note{kind: noteList, chat: string(server)}.request()); err != nil {
			s.endList(server, nil, err)
		}
	}
	return true
}

// listOf gives the list of a server, perhaps an empty one. The one that is
// oldest, and that nobody waits for, gives way.
func (s *session) listOf(server transport.Address) *roomList {
	if l := s.lists[server]; l != nil {
		return l
	}
	if len(s.lists) >= maxLists {
		var oldest transport.Address
		for a, l := range s.lists {
			if len(l.asks) == 0 && (oldest == "" || l.since.Before(s.lists[oldest].since)) {
				oldest = a
			}
		}
		delete(s.lists, oldest)
	}
	l := &roomList{}
	if s.lists == nil {
		s.lists = map[transport.Address]*roomList{}
	}
	s.lists[server] = l
	return l
}

func (s *session) answerAsk(a listAsk, rooms []listedRoom) {
	result, err := a.answer(rooms)
	if err != nil {
		s.refuse(a.st, *err)
		return
	}
	s.send(a.st.Result(result))
}

// receiveRooms takes a list that came.
func (s *session) receiveRooms(e transport.RoomsListed) {
	list := s.lists[e.Server]
	if list == nil {
		return
	}
	list.rooms, list.since, list.doubt = make([]listedRoom, 0, len(e.Rooms)), time.Now(), false
	for _, r := range e.Rooms {
		if j, err := s.at(r.Room).Prepare(); err == nil {
			list.rooms = append(list.rooms, listedRoom{r, j.String()})
		}
	}
	slices.SortFunc(list.rooms, func(a, b listedRoom) int { return cmp.Compare(a.jid, b.jid) })
	s.endList(e.Server, list.rooms, nil)
}

// endList answers all who wait for a list. A server that does not want to be
// asked so often leaves us the list from before.
func (s *session) endList(server transport.Address, rooms []listedRoom, err error) {
	list := s.lists[server]
	if list == nil {
		return
	}
	if e, ok := errors.AsType[*transport.Error](err); ok && e.Reason == transport.RateLimited && !list.since.IsZero() {
		rooms, err = list.rooms, nil
	}
	asks := list.asks
	list.asks = nil
	for _, a := range asks {
		if err != nil {
			s.failList(a.st, err)
			continue
		}
		s.answerAsk(a, rooms)
	}
	if list.since.IsZero() {
		delete(s.lists, server)
	}
}

// failList tells a search that comes too soon when it may come again (XEP-0433
// §4.2.2.4).
func (s *session) failList(st *stanza.Received, err error) {
	e, ok := errors.AsType[*transport.Error](err)
	if !ok || e.Reason != transport.RateLimited || st.Payload().Space != stanza.ChannelSearchNamespace {
		s.fail(st, err)
		return
	}
	out := stanzaError(err, s.host.Domain)
	out.Detail = stanza.SearchError("rate-limit")
	if e.RetryAfter > 0 {
		out.Detail.SetAttr("retry-after", strconv.Itoa(int(e.RetryAfter.Seconds())))
	}
	s.refuse(st, out)
}

// doubtLists is called when the user came into a room, which may be a new one,
// or left one, which may be no more.
func (s *session) doubtLists(joined transport.Address) {
	for _, list := range s.lists {
		list.doubt = list.doubt || joined == "" || !slices.ContainsFunc(list.rooms, func(r listedRoom) bool { return r.Room == joined })
	}
}

// roomFields tell of a room what is known of it from inside, or else from a list
// (XEP-0045 §6.4).
func (s *session) roomFields(a transport.Address, r *room) []stanza.Field {
	field := func(name, value string) stanza.Field {
		return stanza.Field{Var: "muc#roominfo_" + name, Values: []string{value}}
	}
	if r != nil {
		return append(s.avatarHash(a), field("occupants", strconv.Itoa(len(s.members(r)))))
	}
	if s == nil {
		return nil
	}
	for _, list := range s.lists {
		for _, l := range list.rooms {
			if l.Room == a {
				return []stanza.Field{field("occupants", strconv.Itoa(l.Members)), field("subject", l.Subject), field("description", l.Subject)}
			}
		}
	}
	return nil
}

// tidyLists forgets what is old, and answers those for whom no list came.
func (s *session) tidyLists(now time.Time) {
	for server, list := range maps.Clone(s.lists) {
		if len(list.asks) > 0 && now.Sub(list.asks[0].since) > 2*keptTimeout {
			s.endList(server, nil, &transport.Error{Reason: transport.Unreachable, Text: "the network did not send its list of rooms"})
		}
		if len(list.asks) == 0 && now.Sub(list.since) > listKept {
			delete(s.lists, server)
		}
	}
}

// refuseLists answers those who wait for a list when the session ends.
func (s *session) refuseLists() {
	for _, list := range s.lists {
		for _, a := range list.asks {
			s.host.refuse(a.st, stanza.Error{Class: stanza.Wait, Condition: stanza.RemoteServerTimeout, Text: s.farewell})
		}
	}
}

// serverItems are the servers of the gateway (XEP-0030 §4): those of the
// config, and those that the user is connected to.
func (h *host) serverItems(s *session) []stanza.Item {
	servers := slices.Clone(h.info.Servers)
	if s != nil {
		for a := range s.links {
			if a != "" {
				servers = append(servers, a)
			}
		}
	}
	slices.Sort(servers)
	var items []stanza.Item
	for _, a := range slices.Compact(servers) {
		items = append(items, stanza.Item{JID: h.at(a).String(), Name: string(a)})
	}
	return items
}
