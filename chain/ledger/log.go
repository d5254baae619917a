package ledger

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// logger hands Badger's talk to slog, one level down: what Badger calls information is
// for people who debug Badger. It also remembers when Badger decided to go on without a
// table, because a ledger must not.
type logger struct {
	out *slog.Logger

	mu   sync.Mutex
	said string
}

func (l *logger) Errorf(format string, args ...any) {
	s := strings.TrimSpace(fmt.Sprintf(format, args...))
	if strings.Contains(s, "Ignoring table") {
		l.mu.Lock()
		l.said = s
		l.mu.Unlock()
	}
	l.out.Error("badger", "message", s)
}

func (l *logger) Warningf(format string, args ...any) {
	l.out.Warn("badger", "message", strings.TrimSpace(fmt.Sprintf(format, args...)))
}

func (l *logger) Infof(format string, args ...any) {
	l.out.Debug("badger", "message", strings.TrimSpace(fmt.Sprintf(format, args...)))
}

func (l *logger) Debugf(string, ...any) {}

func (l *logger) ignored() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.said
}
