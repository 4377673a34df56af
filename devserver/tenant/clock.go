package tenant

import (
	"strings"
	"sync"
	"time"
)

// clock is the tenant's time, which tests can move. The methods may be called from any goroutine.
type clock struct {
	actual func() time.Time

	mu     sync.Mutex    // protects the field below
	offset time.Duration // ahead of the actual time, or behind if negative
}

// SetClock sets the tenant's clock ahead of the real time, or behind if ahead is negative. It is in
// effect for all users, until [Tenant.Reset].
func (t *Tenant) SetClock(ahead time.Duration) {
	t.clock.set(ahead)
	t.events.touch()
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.actual().Add(c.offset)
}

func (c *clock) set(offset time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = offset
}

// ahead is how far the clock is ahead of the real one, like "2h", "" if it is not.
func (c *clock) ahead() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.offset == 0 {
		return ""
	}
	text := c.offset.String() // "2h0m0s"
	if short, ok := strings.CutSuffix(text, "m0s"); ok {
		text = short + "m"
	}
	if short, ok := strings.CutSuffix(text, "h0m"); ok {
		text = short + "h"
	}
	return text
}
