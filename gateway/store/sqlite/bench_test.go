package sqlite

import (
	"fmt"
	"testing"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// BenchmarkPut measures durable puts by many goroutines, which share commits.
// The file is on the disk of the test's temporary folder.
func BenchmarkPut(b *testing.B) {
	text := "But, soft! what light through yonder window breaks? It is the east."
	for _, goroutines := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("outbox/%d", goroutines), func(b *testing.B) {
			outbox := openTest(b, newPath(b)).Outbox("gateway.example.org")
			spread(b, goroutines, func(i int) error {
				_, _, err := outbox.Put(b.Context(), transport.OutboxItem{
					User: "romeo@example.org", Chat: "+15551234567", Origin: fmt.Sprint(i), Text: text,
				})
				return err
			})
		})
		b.Run(fmt.Sprintf("inbox/%d", goroutines), func(b *testing.B) {
			inbox := openTest(b, newPath(b)).Inbox()
			spread(b, goroutines, func(i int) error {
				key, _, err := inbox.Put(b.Context(), store.InboxItem{
					Component: "gateway.example.org", User: "romeo@example.org",
					Dedupe: fmt.Sprint("MessageReceived:", i), Event: []byte(text),
				})
				inbox.Done(key)
				return err
			})
		})
	}
}

// spread does put b.N times, from so many goroutines at once.
func spread(b *testing.B, goroutines int, put func(i int) error) {
	next := make(chan int, goroutines)
	failed := make(chan error, goroutines)
	b.ResetTimer()
	before := cpuTime()
	for range goroutines {
		go func() {
			var first error
			for i := range next {
				if err := put(i); err != nil && first == nil {
					first = err
				}
			}
			failed <- first
		}()
	}
	for i := range b.N {
		next <- i
	}
	close(next)
	for range goroutines {
		if err := <-failed; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
	b.ReportMetric(float64((cpuTime()-before).Nanoseconds())/float64(b.N), "CPU-ns/put")
}
