package rpc

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/node/transport"
)

// FilterDigest identifies a set of patterns in a resume token. Their order counts.
func FilterDigest(patterns []abi.Pattern) abi.Digest {
	var b strings.Builder
	for _, p := range patterns {
		b.WriteString(string(p))
		b.WriteByte('\n')
	}
	return sha256.Sum256([]byte(b.String()))
}

func digestOf(b []byte) abi.Digest { return sha256.Sum256(b) }

// Watcher is one stream of events from one master. When the master is gone, Recv fails;
// watch again with the last token to go on.
type Watcher struct {
	stream *transport.Stream
	conn   *transport.Conn
	client *Client
}

// Watch opens a stream of events. See WatchQ.
func (c *Client) Watch(ctx context.Context, q WatchQ) (*Watcher, error) {
	conn, err := c.connection(ctx)
	if err != nil {
		return nil, err
	}
	s, err := conn.Subscribe(ctx, MethodWatch, Encode(&q))
	if err != nil {
		c.drop(conn)
		return nil, err
	}
	return &Watcher{stream: s, conn: conn, client: c}, nil
}

// Recv waits for the next frame.
func (w *Watcher) Recv() (WatchFrame, error) {
	var f WatchFrame
	b, err := w.stream.Recv()
	if err != nil {
		select {
		case <-w.conn.Closed():
			w.client.drop(w.conn)
		default:
		}
		return f, err
	}
	if err := Decode(b, &f); err != nil {
		return f, fmt.Errorf("decode watch frame: %w", err)
	}
	if f.Head != nil {
		w.client.saw(f.Head.Height)
	} else if f.Token != nil {
		w.client.saw(f.Token.Height)
	}
	return f, nil
}

// Close ends the stream.
func (w *Watcher) Close() error { return w.stream.Close() }
