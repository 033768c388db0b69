package embedded

import (
	"context"
	"slices"
	"strings"
)

// maxIdle is how many prepared sessions are kept between requests. One takes some 100 KB.
const maxIdle = 16

// use gives a session prepared in the way that key names, an idle one if there is one: opening and preparing takes longer
// than a small query. done takes it back; a session whose statement may have left something behind (an error, SET, USE, a
// temporary table) is not kept.
func (e *Engine) use(ctx context.Context, key string, prepare func(context.Context, *session) error) (s *session, done func(keep bool), err error) {
	if s = e.takeIdle(key); s == nil {
		if s, err = e.open(); err != nil {
			return nil, nil, err
		}
		s.key = key
		if err := prepare(ctx, s); err != nil {
			s.close()
			return nil, nil, err
		}
	}
	return s, func(keep bool) {
		if !keep || !e.putIdle(s) {
			s.close()
		}
	}, nil
}

func (e *Engine) takeIdle(key string) *session {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.IndexFunc(e.idle, func(s *session) bool { return s.key == key })
	if i < 0 {
		return nil
	}
	s := e.idle[i]
	e.idle = slices.Delete(e.idle, i, i+1)
	e.sessions[s] = struct{}{}
	return s
}

// putIdle keeps a session, the newest first, and closes the oldest when there are too many.
func (e *Engine) putIdle(s *session) bool {
	e.mu.Lock()
	if e.closing {
		e.mu.Unlock()
		return false
	}
	delete(e.sessions, s)
	e.idle = slices.Insert(e.idle, 0, s)
	var oldest *session
	if len(e.idle) > maxIdle {
		oldest = e.idle[maxIdle]
		e.idle = e.idle[:maxIdle]
		e.sessions[oldest] = struct{}{}
	}
	e.mu.Unlock()
	if oldest != nil {
		oldest.close()
	}
	return true
}

// closeIdle is called once no new sessions are given out.
func (e *Engine) closeIdle() {
	e.mu.Lock()
	idle := e.idle
	e.idle = nil
	for _, s := range idle {
		e.sessions[s] = struct{}{}
	}
	e.mu.Unlock()
	for _, s := range idle {
		s.close()
	}
}

// sessionKey names a preparation: whose door, which database and settings. Values cannot run into one another, because
// they are quoted.
func sessionKey(door, database string, settings []param) string {
	var key strings.Builder
	key.WriteString(door + " " + quoteIdentifier(database))
	for _, p := range settings {
		key.WriteString(" " + p.name + "=" + quoteString(p.value))
	}
	return key.String()
}
