package alg_test

import (
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"calling-an-api.example/api/gate/internal/alg"
)

// vectors returns the folder of Project Wycheproof's test vectors, which the Go command
// downloads and checks by the go.sum in testdata.
func vectors(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", "github.com/c2sp/wycheproof")
	cmd.Dir = filepath.Join("testdata", "vectors")
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var module struct{ Dir string }
	if err != nil || json.Unmarshal(out, &module) != nil {
		t.Fatalf("download the vectors: %v\n%s", err, out)
	}
	return filepath.Join(module.Dir, "testvectors_v1")
}

// vectorFile is what is used of a file of vectors.
type vectorFile struct {
	Groups []struct {
		PEM   string `json:"publicKeyPem"`
		Tests []struct {
			ID      int    `json:"tcId"`
			Comment string `json:"comment"`
			Message string `json:"msg"`
			Sig     string `json:"sig"`
			Result  string `json:"result"` // valid, invalid or acceptable
		} `json:"tests"`
	} `json:"testGroups"`
}

// TestWycheproof verifies published signatures, good and bad, among them edge cases of each
// algorithm and known attacks on implementations.
func TestWycheproof(t *testing.T) {
	t.Parallel()
	dir := vectors(t)
	for file, tc := range map[string]struct {
		algorithm string
		vectors   int  // at least
		other     bool // for another algorithm, so that none of the valid ones is valid here
	}{
		"rsa_signature_2048_sha256_test.json":    {alg.RS256, 250, false},
		"rsa_signature_3072_sha256_test.json":    {alg.RS256, 250, false},
		"rsa_signature_4096_sha256_test.json":    {alg.RS256, 250, false},
		"rsa_pss_2048_sha256_mgf1_32_test.json":  {alg.PS256, 100, false},
		"rsa_pss_3072_sha256_mgf1_32_test.json":  {alg.PS256, 100, false},
		"rsa_pss_4096_sha256_mgf1_32_test.json":  {alg.PS256, 100, false},
		"rsa_pss_2048_sha256_mgf1_0_test.json":   {alg.PS256, 90, true}, // a salt of 0 bytes
		"ecdsa_secp256r1_sha256_p1363_test.json": {alg.ES256, 250, false},
		"ecdsa_secp256r1_sha256_test.json":       {alg.ES256, 400, true}, // in DER
		"ecdsa_secp256r1_sha512_p1363_test.json": {alg.ES256, 250, true}, // another digest
		"ecdsa_secp384r1_sha384_p1363_test.json": {alg.ES256, 250, true}, // another curve
		"ed25519_test.json":                      {alg.EdDSA, 140, false},
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			var vectors vectorFile
			if err := json.Unmarshal(data, &vectors); err != nil {
				t.Fatal(err)
			}
			count := 0
			for _, group := range vectors.Groups {
				key := parsePEM(t, group.PEM)
				for _, v := range group.Tests {
					count++
					message, errM := hex.DecodeString(v.Message)
					signature, errS := hex.DecodeString(v.Sig)
					if errM != nil || errS != nil {
						t.Fatalf("%d is not hexadecimal", v.ID)
					}
					err := alg.Verify(tc.algorithm, string(message), signature, key)
					switch {
					case err == nil && (v.Result == "invalid" && !tc.other || v.Result == "valid" && tc.other):
						t.Errorf("%d is accepted: %s", v.ID, v.Comment)
					case !tc.other && v.Result == "valid" && err != nil:
						t.Errorf("%d is rejected: %s: %v", v.ID, v.Comment, err)
					}
				}
			}
			if count < tc.vectors {
				t.Errorf("%d vectors, want at least %d", count, tc.vectors)
			}
		})
	}
}

func parsePEM(t *testing.T, text string) crypto.PublicKey {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("no PEM: %q", text)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
