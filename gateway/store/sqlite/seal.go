package sqlite

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// keyLength is that of a key for AES-256.
const keyLength = 32

// proofText is what every store seals, to know its key again.
const proofText = "the key of this store"

// A seal encrypts what the file alone is not to tell: AES-256-GCM with random
// nonces (NIST SP 800-38D). The place of a value is authenticated with it, so
// that it can't be moved to another.
type seal struct{ aead cipher.AEAD }

// openSeal reads the key, and makes it if the store has never had one. A key
// that is not the store's is refused, and so is a store without its key.
func openSeal(c *connection, file string) (*seal, error) {
	var proof []byte
	found, err := c.row("SELECT proof FROM seal", nil, &proof)
	if err != nil {
		return nil, err
	}
	key, err := readKey(file, !found)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	s := &seal{aead}
	if !found {
		return s, c.script("INSERT INTO seal (one, proof) VALUES (1, ?)", s.close([]byte(proofText), "proof"))
	}
	if text, err := s.open(proof, "proof"); err != nil || string(text) != proofText {
		return nil, fmt.Errorf("the key in %s is not the one that this store was made with: put that one back", file)
	}
	return s, nil
}

func readKey(file string, fresh bool) ([]byte, error) {
	key, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && fresh:
		return makeKey(file)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("its key %s is missing, without which the passwords in it can't be read: put it back", file)
	case err != nil:
		return nil, fmt.Errorf("read the store's key: %w", err)
	case len(key) != keyLength:
		return nil, fmt.Errorf("%s is no key of a store: it has %d bytes, not %d", file, len(key), keyLength)
	}
	return key, nil
}

// makeKey writes a key whole or not at all.
func makeKey(file string) ([]byte, error) {
	key := make([]byte, keyLength)
	rand.Read(key) // never fails
	part := file + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := errors.Join(os.WriteFile(part, key, 0o600), os.Chmod(part, 0o600)); err != nil {
		return nil, fmt.Errorf("make the store's key: %w", err)
	}
	if err := syncFile(part); err != nil {
		return nil, err
	}
	if err := os.Rename(part, file); err != nil {
		return nil, fmt.Errorf("make the store's key: %w", err)
	}
	return key, syncFile(filepath.Dir(file))
}

// close encrypts a value for a place. Nothing stays nothing.
func (s *seal) close(value []byte, place ...string) []byte {
	if len(value) == 0 {
		return []byte{}
	}
	return s.aead.Seal(nil, nil, value, placeName(place))
}

func (s *seal) open(sealed []byte, place ...string) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	value, err := s.aead.Open(nil, nil, sealed, placeName(place))
	if err != nil {
		return nil, fmt.Errorf("decrypt what is stored for %s: %w", place[0], err)
	}
	return value, nil
}

// placeName is the same for no two places: no part holds a NUL.
func placeName(parts []string) []byte { return []byte(strings.Join(parts, "\x00")) }
