package consensus

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

const (
	formSealed = 1
	formPlain  = 2
	saltSize   = 16
	headSize   = 42
	bodyFixed  = 12 // bytes of a body before extensions
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// derive returns the AEAD of one salt and purpose. A key lives for one session of the
// log or one writing of the vote, so a nonce never comes twice under one key.
func derive(key, salt []byte, purpose string) (cipher.AEAD, error) {
	k, err := hkdf.Key(sha256.New, key, salt, purpose, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// codec seals entries for the log and opens them. It is safe for use by many goroutines.
type codec struct {
	key     []byte // nil: plain
	salt    [saltSize]byte
	aead    cipher.AEAD // of this session
	counter atomic.Uint64

	mu     sync.Mutex
	opened map[[saltSize]byte]cipher.AEAD // of earlier sessions
}

func newCodec(key []byte) (*codec, error) {
	c := &codec{key: key, opened: make(map[[saltSize]byte]cipher.AEAD)}
	if len(key) == 0 {
		return c, nil
	}
	rand.Read(c.salt[:])
	var err error
	c.aead, err = derive(key, c.salt[:], "kalima raft log")
	return c, err
}

func nonce(counter uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 4, 12), counter)
}

// encode returns an entry in the layout of doc.go.
func (c *codec) encode(l *raft.Log) []byte {
	size := headSize + bodyFixed + len(l.Extensions) + len(l.Data) + 16
	b := make([]byte, headSize, size)
	b[0], b[1] = formPlain, byte(l.Type)
	binary.BigEndian.PutUint64(b[2:], l.Index)
	binary.BigEndian.PutUint64(b[10:], l.Term)
	counter := uint64(0)
	if c.aead != nil {
		b[0] = formSealed
		copy(b[18:], c.salt[:])
		counter = c.counter.Add(1)
		binary.BigEndian.PutUint64(b[34:], counter)
	}
	var at int64
	if !l.AppendedAt.IsZero() {
		at = l.AppendedAt.UnixNano()
	}
	b = binary.BigEndian.AppendUint64(b, uint64(at))
	b = binary.BigEndian.AppendUint32(b, uint32(len(l.Extensions)))
	b = append(append(b, l.Extensions...), l.Data...)
	if c.aead != nil {
		return c.aead.Seal(b[:headSize], nonce(counter), b[headSize:], b[:headSize])
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decode reads an entry and fills l, which shares no memory with b.
func (c *codec) decode(b []byte, l *raft.Log) error {
	if len(b) < headSize {
		return fmt.Errorf("%w: entry of %d bytes", ErrCorrupt, len(b))
	}
	head := b[:headSize]
	l.Type = raft.LogType(b[1])
	l.Index = binary.BigEndian.Uint64(b[2:])
	l.Term = binary.BigEndian.Uint64(b[10:])
	body, err := c.open(head, b)
	if err != nil {
		return fmt.Errorf("%w: entry %d of term %d: %w", ErrCorrupt, l.Index, l.Term, err)
	}
	if len(body) < bodyFixed {
		return fmt.Errorf("%w: entry %d has a body of %d bytes", ErrCorrupt, l.Index, len(body))
	}
	at, n := int64(binary.BigEndian.Uint64(body)), binary.BigEndian.Uint32(body[8:])
	if body = body[bodyFixed:]; uint64(n) > uint64(len(body)) {
		return fmt.Errorf("%w: entry %d has extensions of %d bytes", ErrCorrupt, l.Index, n)
	}
	l.AppendedAt, l.Extensions, l.Data = time.Time{}, nil, body[n:]
	if at != 0 {
		l.AppendedAt = time.Unix(0, at)
	}
	if n > 0 {
		l.Extensions = body[:n:n]
	}
	return nil
}

var errSeal = errors.New("does not verify")

// open returns a copy of the body.
func (c *codec) open(head, b []byte) ([]byte, error) {
	if len(c.key) == 0 {
		end := len(b) - 4
		if head[0] != formPlain || end < headSize || crc32.Checksum(b[:end], castagnoli) != binary.BigEndian.Uint32(b[end:]) {
			return nil, errSeal
		}
		return append([]byte(nil), b[headSize:end]...), nil
	}
	if head[0] != formSealed {
		return nil, errSeal
	}
	aead, err := c.session([saltSize]byte(head[18:34]))
	if err != nil {
		return nil, err
	}
	body, err := aead.Open(nil, nonce(binary.BigEndian.Uint64(head[34:])), b[headSize:], head)
	if err != nil {
		return nil, errSeal
	}
	return body, nil
}

// maxSessions bounds the keys held; damaged salts must not fill the memory.
const maxSessions = 1024

func (c *codec) session(salt [saltSize]byte) (cipher.AEAD, error) {
	if salt == c.salt {
		return c.aead, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if a, ok := c.opened[salt]; ok {
		return a, nil
	}
	a, err := derive(c.key, salt[:], "kalima raft log")
	if err != nil {
		return nil, err
	}
	if len(c.opened) >= maxSessions {
		clear(c.opened)
	}
	c.opened[salt] = a
	return a, nil
}
