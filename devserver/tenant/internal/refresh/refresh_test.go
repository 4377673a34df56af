package refresh_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"calling-an-api.example/devserver/tenant/internal/refresh"
)

// TestRotation has a token used at different times after it was replaced.
func TestRotation(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		after time.Duration // between the first use and the second
		want  error
	}{
		"within the overlap":     {4 * time.Second, nil},
		"after the overlap":      {5 * time.Second, refresh.ErrReused},
		"the clock was set back": {-time.Second, refresh.ErrReused},
		"after the family's end": {31 * 24 * time.Hour, refresh.ErrUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Unix(1e9, 0)
			fs := refresh.New(func() time.Time { return now })
			first, _ := fs.Start(refresh.Family{Client: "app", User: "ada"})
			next, err := fs.Rotate(first, "app")
			if err != nil {
				t.Fatal(err)
			}
			now = now.Add(tc.after)
			if _, err := fs.Rotate(first, "app"); !errors.Is(err, tc.want) {
				t.Errorf("the first token again: got %v, want %v", err, tc.want)
			}
			want := error(nil)
			if tc.want != nil {
				want = refresh.ErrUnknown // its family has ended
			}
			if _, err := fs.Find(next, "app"); !errors.Is(err, want) {
				t.Errorf("the next token: got %v, want %v", err, want)
			}
		})
	}
}

func TestFindUsesNothing(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	fs := refresh.New(func() time.Time { return now })
	value, _ := fs.Start(refresh.Family{Client: "app", User: "ada"})
	for range 3 {
		if f, err := fs.Find(value, "app"); err != nil || f.User != "ada" {
			t.Fatalf("got %+v and %v", f, err)
		}
		now = now.Add(time.Hour)
	}
	if _, err := fs.Find(value, "other"); !errors.Is(err, refresh.ErrUnknown) {
		t.Errorf("another client: got %v", err)
	}
	now = now.Add(15 * 24 * time.Hour)
	if _, err := fs.Find(value, "app"); !errors.Is(err, refresh.ErrIdle) {
		t.Errorf("after 15 idle days: got %v", err)
	}
}

// TestConcurrentUse has many tabs, and the dashboard, use one token at once.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	fs := refresh.New(time.Now)
	value, id := fs.Start(refresh.Family{Client: "app"})
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if _, err := fs.Rotate(value, "app"); err != nil {
				t.Errorf("within the overlap: %v", err)
			}
			fs.Rows()
			fs.Save()
		})
	}
	wg.Wait()
	fs.EndFamily(id)
	if rows := fs.Rows(); len(rows) != 0 {
		t.Errorf("got %v after the end", rows)
	}
}
