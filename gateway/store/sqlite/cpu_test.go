package sqlite

import (
	"syscall"
	"time"
)

// cpuTime is what the process has used, which unlike the time that has passed
// does not depend on what else the machine does.
func cpuTime() time.Duration {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
