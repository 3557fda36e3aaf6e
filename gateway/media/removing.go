package media

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// remove forgets a file. Readers that have it open go on. It gets another name,
// as the same may come again; unlock removes it, which takes a while for a large
// one, and nobody is to wait for that.
func (k *Keeper) remove(token string) {
	k.drop(token)
	k.removed++
	gone := filepath.Join(k.Dir, fmt.Sprintf("%s%s.%d", partPrefix, token, k.removed))
	switch err := os.Rename(filepath.Join(k.Dir, token), gone); {
	case err == nil:
		k.gone = append(k.gone, gone)
	case !errors.Is(err, fs.ErrNotExist):
		k.Log.Warn("a file can't be removed", "err", err)
	}
}

// unlock ends the use of mu, and removes what is to be removed.
func (k *Keeper) unlock() {
	gone := k.gone
	k.gone = nil
	k.mu.Unlock()
	for _, path := range gone {
		if err := os.Remove(path); err != nil {
			k.Log.Warn("a file can't be removed", "err", err)
		}
	}
}

// Run removes what is too old, until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			k.prune()
		}
	}
}

func (k *Keeper) prune() {
	k.mu.Lock()
	defer k.unlock()
	before := k.now().Add(-k.Keep)
	for token, f := range k.files {
		if f.at.Before(before) {
			k.remove(token)
		}
	}
}

// Forget removes all files of a user.
func (k *Keeper) Forget(user string) {
	k.mu.Lock()
	defer k.unlock()
	for token, f := range k.files {
		if f.user == user {
			k.remove(token)
		}
	}
}
