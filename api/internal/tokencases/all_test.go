package tokencases

import "testing"

func TestNamesAreUnique(t *testing.T) {
	t.Parallel()
	all := All()
	seen := map[string]bool{}
	for _, c := range all {
		if seen[c.Name] {
			t.Errorf("%q is there twice", c.Name)
		}
		seen[c.Name] = true
	}
	if len(all) < 300 {
		t.Errorf("%d cases, want 300", len(all))
	}
}
