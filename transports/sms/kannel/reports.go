package kannel

import (
	"sync"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	reportsKept = time.Hour
	maxReports  = 4096
)

// reports are what Kannel said of texts of late. When there are too many, the
// oldest go.
type reports struct {
	mu    sync.Mutex
	byID  map[transport.MessageID]*dated
	order []*dated // the oldest first
}

type dated struct {
	provider.Report
	at time.Time
}

func newReports() *reports { return &reports{byID: make(map[transport.MessageID]*dated)} }

// put keeps a report. A text's first final one stays.
func (rs *reports) put(r provider.Report) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.expire()
	if was, ok := rs.byID[r.ID]; ok {
		if was.Status == transport.Accepted {
			was.Report = r
		}
		return
	}
	d := &dated{r, time.Now()}
	rs.byID[r.ID], rs.order = d, append(rs.order, d)
}

func (rs *reports) get(id transport.MessageID) (provider.Report, bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.expire()
	if d, ok := rs.byID[id]; ok {
		return d.Report, true
	}
	return provider.Report{}, false
}

func (rs *reports) expire() {
	for len(rs.order) > 0 && (len(rs.order) >= maxReports || time.Since(rs.order[0].at) > reportsKept) {
		delete(rs.byID, rs.order[0].ID)
		rs.order = rs.order[1:]
	}
}
