package runner

import "sync"

// mailbox is a queue of events whose senders never block: the goroutine that runs the
// processes sends events to the loop, and the loop sends restarts to it. Its methods may
// be called from any goroutine.
type mailbox struct {
	wake chan struct{} // receives when there are events

	mu     sync.Mutex // protects events
	events []func()
}

func newMailbox() *mailbox { return &mailbox{wake: make(chan struct{}, 1)} }

// post adds event.
func (m *mailbox) post(event func()) {
	m.mu.Lock()
	m.events = append(m.events, event)
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default: // the loop has not taken the events before this one yet
	}
}

// take returns the events in their order and removes them.
func (m *mailbox) take() []func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	events := m.events
	m.events = nil
	return events
}
