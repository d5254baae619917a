package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kalima-chain/kalima/node/transport"
)

// ErrNoMaster means that no master of the profile could be reached.
var ErrNoMaster = errors.New("no master can be reached")

// NoMasterError is an ErrNoMaster with what came of each try.
type NoMasterError struct {
	Tries []Try
}

// Try is a master that could not be reached.
type Try struct {
	Master MasterInfo
	Err    error
}

// Error names each master, and the reason once when all have the same.
func (e *NoMasterError) Error() string {
	var each, names []string
	same := true
	for _, t := range e.Tries {
		reason := t.Err.Error()
		if i := strings.LastIndex(reason, ": "); i >= 0 && errors.Is(t.Err, transport.ErrLost) {
			reason = reason[i+2:]
		}
		same = same && (len(each) == 0 || strings.HasSuffix(each[0], ": "+reason))
		names = append(names, t.Master.Name+" at "+t.Master.Address)
		each = append(each, names[len(names)-1]+": "+reason)
	}
	if same && len(each) > 0 {
		_, reason, _ := strings.Cut(each[0], names[0]+": ")
		return fmt.Sprintf("%v: %s: %s", ErrNoMaster, strings.Join(names, ", "), reason)
	}
	return fmt.Sprintf("%v: %s", ErrNoMaster, strings.Join(each, "; "))
}

// Unwrap gives ErrNoMaster and the reasons.
func (e *NoMasterError) Unwrap() []error {
	out := []error{ErrNoMaster}
	for _, t := range e.Tries {
		out = append(out, t.Err)
	}
	return out
}

// stagger is how long one master has to answer before the next is tried beside it: a
// master that is down costs this, and not the time of a whole handshake.
const stagger = 250 * time.Millisecond

// dialAny connects to the first master that answers, beginning with the one at index at.
func (c *Client) dialAny(ctx context.Context, at int) (*transport.Conn, int, error) {
	type result struct {
		conn *transport.Conn
		at   int
		err  error
	}
	n := len(c.cfg.Masters)
	if c.cfg.Only {
		n = 1
	}
	ctx, cancel := context.WithCancel(ctx)
	results := make(chan result, n)
	started, ended := 0, 0
	defer func() {
		cancel()
		go func() { // of dials that were overtaken
			for ; ended < started; ended++ {
				if r := <-results; r.conn != nil {
					r.conn.Close()
				}
			}
		}()
	}()
	failed := &NoMasterError{Tries: make([]Try, 0, n)}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			if started == n {
				continue
			}
			k := (at + started) % len(c.cfg.Masters)
			m := c.cfg.Masters[k]
			go func() {
				conn, err := c.endp.Dial(ctx, m.Address, m.Identity)
				results <- result{conn, k, err}
			}()
			started++
			timer.Reset(stagger)
		case r := <-results:
			ended++
			if r.err == nil {
				return r.conn, r.at, nil
			}
			failed.Tries = append(failed.Tries, Try{c.cfg.Masters[r.at], r.err})
			if ended == n {
				return nil, at, failed
			}
			timer.Reset(0)
		case <-ctx.Done():
			if len(failed.Tries) == 0 {
				return nil, at, fmt.Errorf("%w: %w", ErrNoMaster, ctx.Err())
			}
			return nil, at, failed
		}
	}
}
