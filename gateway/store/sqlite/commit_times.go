package sqlite

import (
	"sync/atomic"
	"time"
)

// commitTimes are how long commits took, and how many there were.
type commitTimes struct{ sum, count atomic.Int64 }

func (c *commitTimes) add(d time.Duration) {
	c.sum.Add(int64(d))
	c.count.Add(1)
}

// CommitTime is how long a commit took on average since this was last asked: most
// of it is the disk's. 0: there was none.
func (s *Store) CommitTime() time.Duration {
	c := &s.writer.commits
	sum, count := c.sum.Swap(0), c.count.Swap(0)
	return time.Duration(sum / max(1, count))
}
