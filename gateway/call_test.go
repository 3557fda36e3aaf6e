package gateway

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestACallEndsAtItsDeadlineAndWithItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closing, stop := context.WithCancel(t.Context())
		s := &session{closing: closing}
		var later, derived context.Context
		s.call(func(ctx context.Context) {
			time.Sleep(callTimeout - time.Nanosecond)
			if ctx.Err() != nil {
				t.Error("it ends too early")
			}
			time.Sleep(time.Nanosecond)
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				t.Error("it has no end for who asks")
			}
		})
		s.call(func(ctx context.Context) {
			later = ctx
			at := time.Now()
			<-ctx.Done()
			if time.Since(at) != callTimeout || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				t.Errorf("after %v: %v", time.Since(at), ctx.Err())
			}
		})
		s.call(func(ctx context.Context) {
			if ctx == later {
				t.Error("a call that was waited for serves again")
			}
			later = ctx
			var cancel context.CancelFunc
			derived, cancel = context.WithTimeout(ctx, time.Hour)
			t.Cleanup(cancel)
		})
		<-derived.Done()
		if !errors.Is(later.Err(), context.Canceled) || !errors.Is(derived.Err(), context.Canceled) {
			t.Errorf("after the call: %v, %v", later.Err(), derived.Err())
		}
		s.call(func(ctx context.Context) {
			stop()
			if !errors.Is(ctx.Err(), context.Canceled) {
				t.Error("it goes on after its session")
			}
			later = ctx
		})
		<-later.Done()
	})
}
