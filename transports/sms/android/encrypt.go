package android

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
)

const iterations = 75000 // the app's own default

// encrypt makes a value that only the phone reads, and no server between
// (https://docs.sms-gate.app/privacy/encryption/, "Passphrase Encryption").
// The salt is the initialization vector, too.
func encrypt(passphrase, plain string) (string, error) {
	salt := make([]byte, aes.BlockSize)
	rand.Read(salt)
	return encryptWith(salt, passphrase, plain)
}

func encryptWith(salt []byte, passphrase, plain string) (string, error) {
	key, err := pbkdf2.Key(sha1.New, passphrase, salt, iterations, 32)
	if err != nil {
		return "", fmt.Errorf("encrypt text: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", fmt.Errorf("encrypt text: %w", err)
	}
	missing := aes.BlockSize - len(plain)%aes.BlockSize // PKCS #7
	padded := append([]byte(plain), bytes.Repeat([]byte{byte(missing)}, missing)...)
	cipher.NewCBCEncrypter(block, salt).CryptBlocks(padded, padded)
	return fmt.Sprintf("$aes-256-cbc/pbkdf2-sha1$i=%d$%s$%s", iterations,
		base64.StdEncoding.EncodeToString(salt), base64.StdEncoding.EncodeToString(padded)), nil
}
