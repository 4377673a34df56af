package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// leastScores are Lighthouse's scores that the project's page must have, on a phone.
var leastScores = map[string]int{"performance": 98, "accessibility": 100, "best-practices": 100, "seo": 100}

// measurePage prints Lighthouse's scores of the project's page, built for production. It returns
// an error if one is too low. upstream answers its calls.
func measurePage(ctx context.Context, dir string, rounds int) error {
	devserver, dist := filepath.Join(dir, "devserver"), filepath.Join(dir, "dist")
	if err := command(ctx, "../..", devserver, "--frontend", "frontend", "--build", dist); err != nil {
		return err
	}
	s, err := start(ctx, dir, "the page", func(addr string) []string {
		return []string{devserver, "--addr", strings.Replace(addr, "127.0.0.1", "localhost", 1), "--tenant-addr", "localhost:0", "--tenant-state", "",
			"--frontend", dist, "--proxy-config", filepath.Join(dir, "proxy.conf.json")}
	})
	if err != nil {
		return err
	}
	defer stopAll([]*server{s})
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		if chromium, err = exec.LookPath("google-chrome"); err != nil {
			return fmt.Errorf("no Chromium, which Lighthouse needs: %w", err)
		}
	}
	cmd := exec.CommandContext(ctx, "node", filepath.Join(dir, "peers", "lighthouse.mjs"), strings.Replace(s.url, "127.0.0.1", "localhost", 1)+"/", strconv.Itoa(rounds))
	cmd.Env, cmd.Stderr = append(os.Environ(), "CHROME_PATH="+chromium), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("lighthouse: %w", err)
	}
	scores := map[string]int{}
	if err := json.Unmarshal(out, &scores); err != nil {
		return fmt.Errorf("lighthouse: %w in %q", err, out)
	}
	fmt.Printf("\n### The page, built for production, by Lighthouse (mobile)\n\n| category | score |\n|---|---:|\n")
	for _, category := range []string{"performance", "accessibility", "best-practices", "seo"} {
		fmt.Printf("| %s | %d |\n", category, scores[category])
		if scores[category] < leastScores[category] {
			err = errors.Join(err, fmt.Errorf("the score of %s is %d, and must be %d", category, scores[category], leastScores[category]))
		}
	}
	return err
}
