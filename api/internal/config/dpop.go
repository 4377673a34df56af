package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"calling-an-api.example/api/gate/dpop/valkeystore"
)

// ReplayStore is the store of used proofs that several processes share.
type ReplayStore struct {
	URL      *valkeystore.URL // nil means that each process remembers its own
	Password func() (string, error)
	Open     bool          // while it does not respond, each process accepts a proof once
	Wait     time.Duration // how long a request may wait for it
}

// dpopFlags are the flags for DPoP that are no fields of Config.
type dpopFlags struct {
	nonce, store, passwordFile, failure string
	publicURLs                          []string
}

// register adds the flags to fs. The values of some are set in cfg.
func (d *dpopFlags) register(fs *flag.FlagSet, cfg *Config) {
	fs.StringVar(&cfg.DPoP, "dpop", "allowed", "`mode` of DPoP: off, allowed (bound tokens need a proof) or required (bearer tokens are rejected)")
	fs.StringVar(&d.nonce, "dpop-nonce", "off", "`on` requires a nonce of the API in each proof, so that the client's clock does not matter")
	fs.Func("public-url", "`URL` under which clients reach the API, which proofs name; can be repeated; https://shop.acme.com/backend=/ if a proxy removes /backend; by default --resource-url, or the address", func(value string) error {
		d.publicURLs = append(d.publicURLs, value)
		return nil
	})
	fs.StringVar(&d.store, "replay-store", "", "`URL` of a Valkey or Redis server where all processes remember used proofs, like valkey://localhost:6379; valkeys: for TLS; several hosts of a cluster, or with ?sentinel=name of sentinels, are separated by commas; by default each process remembers its own")
	fs.StringVar(&d.passwordFile, "replay-store-password-file", "", "`file` with its password; or the variable API_REPLAY_STORE_PASSWORD")
	fs.StringVar(&d.failure, "replay-store-failure", "closed", "`what` happens to proofs while it does not respond: closed (503) or open (each process accepts a proof once)")
	fs.DurationVar(&cfg.ReplayStore.Wait, "replay-store-wait", 250*time.Millisecond, "how long a request may wait for the replay store")
}

// set sets what the flags say in cfg. origin has the names of the settings.
func (d *dpopFlags) set(cfg *Config, origin map[string]string, lookupEnv func(string) (string, bool)) error {
	if !slices.Contains([]string{"off", "allowed", "required"}, cfg.DPoP) {
		return fmt.Errorf("%s=%q: write off, allowed or required", origin["dpop"], cfg.DPoP)
	}
	if d.nonce != "on" && d.nonce != "off" {
		return fmt.Errorf("%s=%q: write on or off", origin["dpop-nonce"], d.nonce)
	}
	cfg.DPoPNonce = d.nonce == "on"
	if cfg.DPoPNonce && cfg.DPoP == "off" {
		return fmt.Errorf("%s=on has no effect with %s=off: remove one of them", origin["dpop-nonce"], origin["dpop"])
	}
	for _, list := range d.publicURLs {
		cfg.PublicURLs = append(cfg.PublicURLs, split(list)...)
	}
	return d.setReplayStore(cfg, origin, lookupEnv)
}

func (d *dpopFlags) setReplayStore(cfg *Config, origin map[string]string, lookupEnv func(string) (string, bool)) error {
	password, _ := lookupEnv("API_REPLAY_STORE_PASSWORD")
	if d.failure != "closed" && d.failure != "open" {
		return fmt.Errorf("%s=%q: write closed or open", origin["replay-store-failure"], d.failure)
	}
	if d.store == "" {
		for name, isSet := range map[string]bool{
			origin["replay-store-password-file"]: d.passwordFile != "", origin["replay-store-failure"]: d.failure == "open", "API_REPLAY_STORE_PASSWORD": password != "",
		} {
			if isSet {
				return fmt.Errorf("%s has no effect without --replay-store (API_REPLAY_STORE)", name)
			}
		}
		return nil
	}
	if cfg.DPoP == "off" {
		return fmt.Errorf("%s has no effect with %s=off: remove one of them", origin["replay-store"], origin["dpop"])
	}
	u, err := valkeystore.ParseURL(d.store)
	if err != nil {
		return fmt.Errorf("%s: %w", origin["replay-store"], err)
	}
	cfg.ReplayStore.URL, cfg.ReplayStore.Open = &u, d.failure == "open"
	switch {
	case password != "" && d.passwordFile != "":
		return fmt.Errorf("API_REPLAY_STORE_PASSWORD and %s are both set: remove one of them", origin["replay-store-password-file"])
	case password != "":
		cfg.ReplayStore.Password = func() (string, error) { return password, nil }
	case d.passwordFile != "":
		cfg.ReplayStore.Password = func() (string, error) { return passwordIn(d.passwordFile) }
		if _, err := passwordIn(d.passwordFile); err != nil {
			return fmt.Errorf("%s: %w", origin["replay-store-password-file"], err)
		}
	}
	return nil
}

// passwordIn returns the password in a file, without the line's end.
func passwordIn(file string) (string, error) {
	content, err := os.ReadFile(file) //nolint:gosec // the operator's own choice
	if err != nil {
		return "", err
	}
	if password := strings.TrimRight(string(content), "\r\n"); password != "" {
		return password, nil
	}
	return "", errors.New("the file " + file + " is empty")
}
