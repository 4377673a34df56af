package directory

import (
	"time"

	"calling-an-api.example/devserver/internal/source"
)

// The machine-to-machine client of the default configuration, which `make token` uses.
// Its secret is as public as the users' passwords.
const (
	MachineClientID     = "local-machine"
	MachineClientSecret = "local-machine-secret"
)

// ReadUsers returns the users in a configuration file, or the default ones if file is
// "". Variables such as $PAGE have placeholder values.
func ReadUsers(file string) ([]*User, error) {
	data, err := Default, error(nil)
	if file != "" {
		if data, err = source.ReadFile(file); err != nil {
			return nil, err
		}
	}
	d, err := Parse(file, data, Variables{Page: "http://localhost:4200", Tenant: "http://localhost:4400", ClientID: "x", Audience: "x"}, time.Now())
	if err != nil {
		return nil, err
	}
	return d.Users, nil
}
