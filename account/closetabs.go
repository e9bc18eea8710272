package account

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/syncmanager/syncmanager/internal/sendtab"
)

// maxCloseMessages is how many messages one call of CloseTabs sends at most, each of up to 16 KiB:
// the receiver gets that many at once.
const maxCloseMessages = maxMessages

// NotClosedError says which pages a device was not asked to close. It wraps the reason.
type NotClosedError struct {
	// URLs are those that were not sent, in the order of the call. The others were.
	URLs []string
	Err  error
}

func (e *NotClosedError) Error() string {
	return fmt.Sprintf("%d pages were not sent: %v", len(e.URLs), e.Err)
}

// Unwrap returns the reason.
func (e *NotClosedError) Unwrap() error { return e.Err }

// NotSent returns e.URLs: it is how a queue of any package knows what to try again.
func (e *NotClosedError) NotSent() []string { return e.URLs }

// ErrNoDevice means that the account does not have a device with this ID.
var ErrNoDevice = errors.New("the account has no such device")

// CloseTabsOn is [Account.CloseTabs] for the device with this ID, about which it asks the server
// first. The error may also be [ErrNoDevice]. It is what the queue of the tabs' engine takes:
//
//	sent, err := tabs.SendCloses(ctx, 5*time.Second, a.CloseTabsOn)
func (a *Account) CloseTabsOn(ctx context.Context, deviceID string, urls []string) error {
	list, err := a.Devices(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(d Device) bool { return d.ID == deviceID && !d.Current })
	if i < 0 {
		return fmt.Errorf("cannot close pages on another device: %w", ErrNoDevice)
	}
	return a.CloseTabs(ctx, list[i], urls)
}

// CloseTabs asks another device to close pages. What one message has no room for goes into
// further ones, up to twenty. If some of the pages could not be sent, the error is a
// *[NotClosedError] that lists them: they are too long ([ErrTooLong]), or sending failed, as from
// [Account.SendTab].
func (a *Account) CloseTabs(ctx context.Context, to Device, urls []string) error {
	doing := "close pages on " + to.Name
	messages, unsent := sendtab.SplitURLs(urls, maxCloseMessages)
	var reason error
	if len(unsent) > 0 {
		reason = fmt.Errorf("cannot %s: %w", doing, ErrTooLong)
	}
	for i, message := range messages {
		err := a.invoke(ctx, doing, to, sendtab.CloseURI, func(value string) (sendtab.Payload, error) {
			return sendtab.SealURLs(message, value, a.Session().syncKey(), a.c.cfg.Rand)
		})
		if err == nil {
			continue
		}
		reason = errors.Join(err, reason)
		unsent = inOrder(urls, messages[i:], unsent)
		break
	}
	if reason == nil {
		return nil
	}
	return &NotClosedError{URLs: unsent, Err: reason}
}

// inOrder returns those of urls that are in one of the messages or in others, each once.
func inOrder(urls []string, messages [][]string, others []string) (left []string) {
	missing := map[string]bool{}
	for _, list := range append(messages, others) {
		for _, u := range list {
			missing[u] = true
		}
	}
	for _, u := range urls {
		if missing[u] {
			left = append(left, u)
			delete(missing, u)
		}
	}
	return left
}
