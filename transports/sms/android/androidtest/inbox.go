package androidtest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// An Entry is a text in the phone's inbox. File, if it is not nil, came along.
type Entry struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	Sender    string    `json:"sender"`
	Recipient *string   `json:"recipient"`
	SIM       *int      `json:"simNumber"`
	Text      string    `json:"contentPreview"`
	CreatedAt time.Time `json:"createdAt"`

	File     []byte `json:"-"`
	FileType string `json:"-"`
}

// Keep puts an entry into the inbox and tells nobody.
func (p *Phone) Keep(e Entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.ID == "" {
		e.ID = fmt.Sprintf("text:%d", len(p.inbox))
	}
	p.inbox = append(p.inbox, e)
}

// list gives the newest first, as the app does.
func (p *Phone) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	from, err := time.Parse(time.RFC3339, q.Get("from"))
	limit, limitErr := strconv.Atoi(q.Get("limit"))
	offset, offsetErr := strconv.Atoi(q.Get("offset"))
	if err != nil || limitErr != nil || limit < 1 || limit > 500 || offsetErr != nil || offset < 0 {
		refuse(w, http.StatusBadRequest, "invalid")
		return
	}
	p.mu.Lock()
	all := slices.Clone(p.inbox)
	p.mu.Unlock()
	all = slices.DeleteFunc(all, func(e Entry) bool { return e.CreatedAt.Before(from) })
	slices.SortStableFunc(all, func(a, b Entry) int { return b.CreatedAt.Compare(a.CreatedAt) })
	w.Header().Set("X-Total-Count", strconv.Itoa(len(all)))
	all = all[min(offset, len(all)):]
	write(w, http.StatusOK, all[:min(limit, len(all))])
}

func (p *Phone) find(id string) (Entry, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.inbox, func(e Entry) bool { return e.ID == id })
	if i < 0 {
		return Entry{}, false
	}
	return p.inbox[i], true
}

func (p *Phone) entry(w http.ResponseWriter, r *http.Request) {
	e, ok := p.find(r.PathValue("id"))
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	type attachment struct {
		Part int64  `json:"partId"`
		Name string `json:"name"`
		Size int    `json:"size"`
		Type string `json:"contentType"`
	}
	whole := struct {
		Entry
		Attachments []attachment `json:"attachments"`
	}{Entry: e, Attachments: []attachment{}}
	if e.File != nil {
		whole.Attachments = append(whole.Attachments, attachment{7, "picture.png", len(e.File), e.FileType})
	}
	write(w, http.StatusOK, whole)
}

func (p *Phone) attachment(w http.ResponseWriter, r *http.Request) {
	e, ok := p.find(r.PathValue("id"))
	if !ok || e.File == nil || r.PathValue("part") != "7" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", e.FileType)
	_, _ = w.Write(e.File)
}
