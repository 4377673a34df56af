package directory

// The form of the file. Names are those of Auth0's Management API, if it has them.
type configFile struct {
	Users   []userConfig   `json:"users"`
	Clients []clientConfig `json:"clients"`
	APIs    []apiConfig    `json:"apis"`
}

type userConfig struct {
	ID          string         `json:"user_id"`
	Email       string         `json:"email"`
	Password    string         `json:"password"`
	GivenName   string         `json:"given_name"`
	FamilyName  string         `json:"family_name"`
	Nickname    string         `json:"nickname"`
	Picture     string         `json:"picture"`
	Permissions []string       `json:"permissions"`
	Blocked     bool           `json:"blocked"`
	Verified    *bool          `json:"email_verified"` // without, true
	Claims      map[string]any `json:"claims"`
}

type clientConfig struct {
	ID         string   `json:"client_id"`
	Secret     string   `json:"client_secret"`
	Name       string   `json:"name"`
	Callbacks  []string `json:"callbacks"`
	LogoutURLs []string `json:"allowed_logout_urls"`
	WebOrigins []string `json:"web_origins"`
	Grants     []string `json:"grant_types"`
	Scopes     []string `json:"scopes"`

	RequireProof bool `json:"require_proof_of_possession"`
	RequirePKCE  bool `json:"require_pkce"`

	PublicKey string `json:"public_key"` // PEM

	RefreshToken refreshConfig `json:"refresh_token"`
}

// refreshConfig makes a client's refresh tokens valid for several APIs, as at Auth0 (MRRT).
type refreshConfig struct {
	Policies []policyConfig `json:"policies"`
}

type policyConfig struct {
	Audience string   `json:"audience"`
	Scopes   []string `json:"scope"`
}

type apiConfig struct {
	Audience string            `json:"audience"`
	Name     string            `json:"name"`
	Scopes   map[string]string `json:"scopes"`
	Lifetime int               `json:"token_lifetime"` // seconds
	RBAC     bool              `json:"rbac"`

	Possession string `json:"proof_of_possession"`
	Dialect    string `json:"token_dialect"`
}
