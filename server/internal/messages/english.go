package messages

// Errors are what the accounts server says in its answers, and the pages show. In an
// answer they are English, which other clients log.
var Errors = []string{
	"Unconfirmed account",
	"Invalid authentication token in request signature",
	"Request body too large",
	"Account is locked",
	"Unknown device",
	"Session already registered by another device",
	"Unconfirmed session",
	"The e-mail with the code could not be sent; try again later",
	"TOTP token already exists for this account.",
	"TOTP token not found",
	"Recovery key not found",
	"Recovery key already exists.",
	"Invalid or expired confirmation code",
	"Sign-up is closed on this server",
	"Sign-up needs an invitation that is still good",
	"The server is busy; try again in a few seconds",
	"The request's body came too slowly",
	"The server's disk is almost full; its operator must make room",
	"Unspecified error",
}

// The mails. {host} is the server's name, {url} its address.
const (
	// CodeSubject and CodeMail bring the code that confirms an address.
	CodeSubject = "Your code for {host}"
	CodeMail    = `Somebody made an account for this address at {url}.

If it was you, enter this code there:

{code}

It is valid for an hour. If it was not you, do nothing: without the code the account is
removed in three days. Do not give the code to anybody, whoever asks for it.
`
	// ExistsSubject and ExistsMail tell the owner of an account that somebody tried to make
	// one for the same address.
	ExistsSubject = "Your account at {host}"
	ExistsMail    = `Somebody tried to make an account for this address at {url}.

If it was you: you have one already, so sign in there. If you forgot its password, open

{url}/reset_password

If it was not you, do nothing: your account is as it was.
`
)

// Mails are all texts of mails.
var Mails = []string{CodeSubject, CodeMail, ExistsSubject, ExistsMail}
