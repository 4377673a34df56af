package expiring

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestExpiring(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	store := New[int](3, time.Minute, func() time.Time { return now })
	for i := 1; i <= 4; i++ {
		store.Put(strconv.Itoa(i), i)
		now = now.Add(time.Second)
	}
	if got := store.Get("1"); got != 0 {
		t.Error("the oldest entry was not evicted")
	}
	for i := 2; i <= 4; i++ {
		if got := store.Get(strconv.Itoa(i)); got != i {
			t.Errorf("entry %d is %d", i, got)
		}
	}
	now = now.Add(time.Minute)
	if got := store.Get("4"); got != 0 {
		t.Error("an entry outlives its time")
	}
	if len(store.entries) > 3 {
		t.Errorf("%d entries, more than 3", len(store.entries))
	}
}

func TestTakeGivesAnEntryToOneCaller(t *testing.T) {
	t.Parallel()
	store := New[int](1, time.Minute, time.Now)
	store.Put("code", 7)
	var got atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if store.Take("code") == 7 {
				got.Add(1)
			}
		})
	}
	wg.Wait()
	if got.Load() != 1 {
		t.Errorf("%d callers got the entry", got.Load())
	}
}
