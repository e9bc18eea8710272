package server

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// keys are derived from the server's secret.
type keys struct{ tokens, hashes, push, codes, outbox, nodes []byte }

// checkFolder refuses a folder that others can write to, because they could replace the
// server's files.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("cannot check the data folder: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("other users can write to the data folder %s: run 'chmod go-w %s', and check its files", dir, quoted(dir))
	}
	return nil
}

// quoted returns a path quoted for a shell.
func quoted(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// loadKeys reads the secret at path, and creates it with mode 0600 at its first use. The
// secret has its own file, so that it can be kept apart from backups of the databases.
func loadKeys(path string, random io.Reader) (keys, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = newSecret(path, random)
	}
	if err != nil {
		return keys{}, fmt.Errorf("cannot read the server's secret: %w", err)
	}
	secret, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(secret) != sha256.Size {
		return keys{}, fmt.Errorf("the server's secret in %s is damaged: restore it, or remove it to give every device new tokens", path)
	}
	return keysOf(secret)
}

// keysOf derives the keys from a secret.
func keysOf(secret []byte) (out keys, err error) {
	for info, into := range map[string]*[]byte{"tokens": &out.tokens, "hashes": &out.hashes, "push": &out.push, "codes": &out.codes, "outbox": &out.outbox, "nodes": &out.nodes} {
		if *into, err = hkdf.Key(sha256.New, secret, nil, "syncmanager/server/v1/"+info, sha256.Size); err != nil {
			return keys{}, fmt.Errorf("cannot derive the server's keys: %w", err)
		}
	}
	return out, nil
}

// newSecret writes the file atomically: an incomplete secret would not be noticed.
func newSecret(path string, random io.Reader) ([]byte, error) {
	raw := make([]byte, sha256.Size)
	if _, err := io.ReadFull(random, raw); err != nil {
		return nil, err
	}
	text := []byte(hex.EncodeToString(raw) + "\n")
	f, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // 0600
	if err != nil {
		return nil, err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(f.Name()))
	}
	return text, nil
}
