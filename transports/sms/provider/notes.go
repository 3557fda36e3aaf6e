package provider

import "context"

// A Notebook keeps what a provider must know after a restart. Each call returns
// once the disk has it. Values have up to 64 KiB.
type Notebook interface {
	Note(ctx context.Context, key string, value []byte) error
	Noted(ctx context.Context, key string) (value []byte, found bool, err error)
	Forget(ctx context.Context, key string) error
}
