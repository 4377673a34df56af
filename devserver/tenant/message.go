package tenant

import (
	"fmt"
	"strings"

	"calling-an-api.example/devserver/internal/directory"
)

// message is what text.html shows. If a URL is not allowed, it says which was sent, which are
// allowed, and how to allow it.
type message struct {
	Title, Text string

	List    string   // member of the client whose URLs are allowed, "" if the message is about something else
	Client  string   // its ID, "" for any client
	Sent    string   // the URL that is not allowed
	Allowed []string // URLs
	Line    string   // what to add to List; "" if nothing would help
}

// mismatch is the message about the parameter of a request, a URL that is not in list of a client,
// whose content is allowed.
func mismatch(what, parameter, sent string, allowed []string, clientID, list string) message {
	m := message{Title: what + " mismatch", Sent: sent, Allowed: allowed, List: list, Client: clientID}
	if len(m.Sent) > 300 {
		m.Sent = strings.ToValidUTF8(m.Sent[:300], "") + "…"
	}
	m.Text = fmt.Sprintf("The %s is not one of the client's allowed URLs.", parameter)
	if directory.IsURL(sent) && m.Sent == sent {
		m.Line = fmt.Sprintf("%q", sent)
	}
	return m
}

// String returns m as one paragraph, for the error_description of a response.
func (m message) String() string {
	text := m.Title + ". " + m.Text
	if m.List != "" {
		text += fmt.Sprintf(" Sent: %q. Allowed: %s.", m.Sent, strings.Join(m.Allowed, ", "))
	}
	if m.Line != "" {
		text += fmt.Sprintf(" To allow it, add %s to %s of the client in the file of TENANT_CONFIG.", m.Line, m.List)
	}
	return text
}
