package refresh

import "time"

// Saved is a family in the form in which it is written to a file.
type Saved struct {
	Family *family   `json:"family"`
	Born   time.Time `json:"born"`
}

// Save returns all families. The result shares nothing with fs.
func (fs *Families) Save() (all []Saved) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.byID.Each(func(_ string, f *family, born time.Time) {
		copied := *f
		copied.Tokens = append([]token{}, f.Tokens...)
		all = append(all, Saved{&copied, born})
	})
	return all
}

// Restore adds the families of an earlier Save.
func (fs *Families) Restore(all []Saved) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, one := range all {
		if one.Family != nil {
			fs.byID.Restore(one.Family.ID, one.Family, one.Born)
		}
	}
}
