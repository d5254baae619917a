package consensus

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// layer gives a StreamLayer the method that hashicorp/raft expects.
type layer struct{ StreamLayer }

func (l layer) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	return l.StreamLayer.Dial(string(address), timeout)
}

// transport is Raft's network transport over a StreamLayer.
type transport struct {
	*raft.NetworkTransport
	address raft.ServerAddress
}

var (
	_ raft.Transport   = (*transport)(nil)
	_ raft.WithPreVote = (*transport)(nil)
	_ raft.WithClose   = (*transport)(nil)
)

// SetHeartbeatHandler does nothing, which the interface allows: heartbeats then take the
// same way as all other messages. Handled aside, on the connection's goroutine, they race
// Raft's main loop, and after a partition followers may diverge (hashicorp/raft#695).
func (t *transport) SetHeartbeatHandler(func(raft.RPC)) {}

// LocalAddr is the address under which peers know this server.
func (t *transport) LocalAddr() raft.ServerAddress { return t.address }

// Close ends all connections and closes the layer.
func (t *transport) Close() error {
	t.CloseStreams()
	return t.NetworkTransport.Close()
}

// hlog hands hashicorp/raft's log to slog.
func hlog(out *slog.Logger) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "raft", Level: hclog.Off, Output: io.Discard})
	l.RegisterSink(sink{out})
	return l
}

type sink struct{ out *slog.Logger }

// Accept is part of hclog.SinkAdapter.
func (s sink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	to := slog.LevelDebug
	switch level {
	case hclog.Info:
		to = slog.LevelInfo
	case hclog.Warn:
		to = slog.LevelWarn
	case hclog.Error:
		to = slog.LevelError
	}
	ctx := context.Background()
	if !s.out.Enabled(ctx, to) {
		return
	}
	for i, a := range args {
		if f, ok := a.(hclog.Format); ok && len(f) > 0 {
			if layout, ok := f[0].(string); ok {
				args[i] = fmt.Sprintf(layout, f[1:]...)
			}
		}
	}
	s.out.Log(ctx, to, "raft: "+msg, args...)
}
