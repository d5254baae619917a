package consensus

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

const recordHead = 1 + saltSize

// record is a small file of pairs that is replaced as a whole, sealed as doc.go says.
type record struct {
	dir, name string
	purpose   string // of the key, so that no file passes for another
	limit     int    // bytes
	key       []byte // nil: plain
	guard     *guard

	mu     sync.Mutex
	values map[string][]byte
}

// open reads the file, or makes one without pairs.
func (r *record) open() error {
	r.values = make(map[string][]byte)
	b, err := os.ReadFile(filepath.Join(r.dir, r.name))
	if errors.Is(err, os.ErrNotExist) {
		return r.write()
	}
	if err == nil {
		err = r.decode(b)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", r.name, err)
	}
	return nil
}

func (r *record) decode(b []byte) error {
	if len(b) < recordHead+4 || len(b) > r.limit {
		return fmt.Errorf("%w: %d bytes", ErrCorrupt, len(b))
	}
	head, body := b[:recordHead], b[recordHead:]
	if plain := head[0] == formPlain; plain != (len(r.key) == 0) {
		return ErrWrongKey
	} else if plain {
		end := len(b) - 4
		if crc32.Checksum(b[:end], castagnoli) != binary.BigEndian.Uint32(b[end:]) {
			return ErrCorrupt
		}
		body = b[recordHead:end]
	} else {
		aead, err := derive(r.key, head[1:], r.purpose)
		if err != nil {
			return err
		}
		if body, err = aead.Open(nil, nonce(0), body, head); err != nil {
			return fmt.Errorf("%w, or the file is damaged", ErrWrongKey)
		}
	}
	take := func() ([]byte, bool) {
		if len(body) < 4 || int64(binary.BigEndian.Uint32(body)) > int64(len(body)-4) {
			return nil, false
		}
		n := int(binary.BigEndian.Uint32(body))
		item := body[4 : 4+n]
		body = body[4+n:]
		return item, true
	}
	for len(body) > 0 {
		key, ok := take()
		value, ok2 := take()
		if !ok || !ok2 {
			return fmt.Errorf("%w: malformed pairs", ErrCorrupt)
		}
		r.values[string(key)] = append([]byte(nil), value...)
	}
	return nil
}

// write replaces the file.
func (r *record) write() error {
	b := make([]byte, recordHead, 256)
	b[0] = formPlain
	for _, k := range slices.Sorted(maps.Keys(r.values)) {
		for _, item := range [][]byte{[]byte(k), r.values[k]} {
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(item))), item...)
		}
	}
	if len(b)+16 > r.limit {
		return fmt.Errorf("%s would have %d bytes, at most %d", r.name, len(b)+16, r.limit)
	}
	if len(r.key) > 0 {
		b[0] = formSealed
		rand.Read(b[1:recordHead])
		aead, err := derive(r.key, b[1:recordHead], r.purpose)
		if err != nil {
			return err
		}
		b = aead.Seal(b[:recordHead], nonce(0), b[recordHead:], b[:recordHead])
	} else {
		b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	}
	return replaceFile(filepath.Join(r.dir, r.name), b)
}

// set replaces one pair; an empty value is as good as none.
func (r *record) set(key string, value []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, had := r.values[key]; had && string(old) == string(value) {
		return nil
	}
	r.values[key] = append([]byte(nil), value...)
	return r.guard.write("write "+r.name, r.write)
}

// get returns a copy.
func (r *record) get(key string) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]byte(nil), r.values[key]...)
}

// replaceFile leaves the old content or the new, also when the power fails.
func replaceFile(name string, b []byte) error {
	f, err := os.OpenFile(name+".tmp", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(name+".tmp", name)
	}
	if err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
