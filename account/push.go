package account

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync"

	"github.com/syncmanager/syncmanager/account/message"
	"github.com/syncmanager/syncmanager/internal/ece"
)

var (
	// ErrPush means that a push message cannot be used: it is damaged, too long, encrypted for
	// other keys, not one of an accounts server, or came before.
	ErrPush = message.ErrPush
	// ErrEndpoint means that the endpoint of a push subscription is not valid.
	ErrEndpoint = errors.New("the endpoint of a push subscription must be an https: URL of at most 255 bytes")
	// ErrNotRegistered means that this device is not in the account's list of devices: call
	// [Account.RegisterDevice] first.
	ErrNotRegistered = errors.New("this device is not registered with the account")
)

const (
	// maxEndpoint is the length of an endpoint that accounts servers accept, in bytes.
	maxEndpoint = 255
	// maxPush is the length of a push message's body, in bytes. Push services deliver at most
	// 4096.
	maxPush = 4096
	// maxPushCommand is the length of a command's name, in bytes.
	maxPushCommand = 100
	// rememberedPushes is how many messages are remembered, so that they do not count twice.
	rememberedPushes = 256
	// saltSize is the length of the random value with which a push message begins, in bytes.
	saltSize = 16
)

// pushKeys are this device's push subscription. They are secret.
type pushKeys struct {
	Endpoint string `json:"endpoint"`
	Private  []byte `json:"private"`
	Auth     []byte `json:"auth"`
}

// SetPushSubscription registers the endpoint of a push subscription for this device, so that the
// accounts server sends push messages to it: when another device sent something or changed a
// collection, and when the account changes. endpoint is the URL that the system's push service
// gave the app; "" ends the subscription. The error wraps, among others, [ErrEndpoint] or
// [ErrNotRegistered].
//
// The keys that encrypt the messages are made here and stay in the session: the public key and a
// secret go to the accounts server, and nothing goes to the push service. The app passes each
// message that arrives to [Account.OpenPush] or, with a manager, to its HandlePush.
//
// The app calls it again after each sign-in, when the push service gives it another endpoint, and
// when [Device].PushExpired is set for this device.
func (a *Account) SetPushSubscription(ctx context.Context, endpoint string) error {
	const doing = "register the push subscription"
	if endpoint != "" && !isEndpoint(endpoint) {
		return fmt.Errorf("cannot %s: %w", doing, ErrEndpoint)
	}
	if err := a.take(ctx); err != nil {
		return err
	}
	defer a.giveBack()
	if a.DeviceID() == "" {
		return fmt.Errorf("cannot %s: %w", doing, ErrNotRegistered)
	}
	if endpoint == "" {
		if err := a.device(ctx, "end the push subscription", pushFields("", nil)); err != nil {
			return err
		}
		return a.change(func(s *Session) { s.kept.Push = nil })
	}
	next := pushKeys{Endpoint: endpoint}
	if had := a.Session().kept.Push; had != nil {
		// Messages to the old endpoint may still be on their way.
		next.Private, next.Auth = had.Private, had.Auth
	} else {
		k, err := ece.GenerateKeys(a.c.cfg.Rand)
		if err != nil {
			return fmt.Errorf("cannot %s: %w", doing, err)
		}
		next.Private, next.Auth = k.Private(), k.Auth()
	}
	fields, err := next.fields()
	if err != nil {
		return fmt.Errorf("cannot %s: %w", doing, err)
	}
	// They are kept first: a message may come before the server's answer does.
	if err := a.change(func(s *Session) { s.kept.Push = &next }); err != nil {
		return err
	}
	return a.device(ctx, doing, fields)
}

func isEndpoint(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && len(text) <= maxEndpoint
}

// fields returns the subscription as fields of a device's entry.
func (p *pushKeys) fields() (map[string]any, error) {
	k, err := ece.NewKeys(p.Private, p.Auth)
	if err != nil {
		return nil, err
	}
	return pushFields(p.Endpoint, k), nil
}

func pushFields(endpoint string, k *ece.Keys) map[string]any {
	public, auth := "", ""
	if k != nil {
		public, auth = base64.RawURLEncoding.EncodeToString(k.Public()), base64.RawURLEncoding.EncodeToString(k.Auth())
	}
	return map[string]any{"pushCallback": endpoint, "pushPublicKey": public, "pushAuthKey": auth}
}

// OpenPush decrypts a push message: body is what the push service delivered, encrypted with the
// content coding aes128gcm. It returns the message's command, such as
// "fxaccounts:command_received", and its data: JSON, or nil. It makes no request. The error
// wraps [ErrPush].
//
// Who knows the endpoint and the public key can send messages, and a push service can repeat
// them: a message is a reason to ask the server, and not a fact. One of the last 256 messages
// that this process opened is refused if it comes again.
func (a *Account) OpenPush(body []byte) (command string, data []byte, err error) {
	push := a.Session().kept.Push
	switch {
	case push == nil:
		return "", nil, fmt.Errorf("%w: this device has no push subscription", ErrPush)
	case len(body) > maxPush:
		return "", nil, fmt.Errorf("%w: it has %d bytes, more than the %d that push services deliver", ErrPush, len(body), maxPush)
	}
	k, err := ece.NewKeys(push.Private, push.Auth)
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrPush, err)
	}
	clear, err := k.Open(body)
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrPush, err)
	}
	var in struct {
		Command string          `json:"command"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(clear, &in); err != nil || in.Command == "" || len(in.Command) > maxPushCommand {
		return "", nil, fmt.Errorf("%w: it is not one of an accounts server", ErrPush)
	}
	if !a.pushes.first([saltSize]byte(body)) {
		return "", nil, fmt.Errorf("%w: it came before", ErrPush)
	}
	return in.Command, in.Data, nil
}

// pushes are the salts of the last push messages: each message has its own.
type pushes struct {
	mu   sync.Mutex
	ring [rememberedPushes][saltSize]byte
	next int
	seen map[[saltSize]byte]bool
}

// first reports whether a message comes for the first time.
func (p *pushes) first(salt [saltSize]byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen[salt] {
		return false
	}
	if p.seen == nil {
		p.seen = map[[saltSize]byte]bool{}
	}
	delete(p.seen, p.ring[p.next])
	p.ring[p.next] = salt
	p.seen[salt] = true
	p.next = (p.next + 1) % len(p.ring)
	return true
}
