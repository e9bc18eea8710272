package account

import (
	"context"
	"errors"
	"fmt"

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

// CloseTabs asks another device to close pages. deviceID is as in [Account.SendTab]. What one
// message has no room for goes into further ones, up to twenty. If some of the pages could not be
// sent, the error is a *[NotClosedError] that lists them: they are too long ([ErrTooLong]), or
// sending failed. If nothing was sent because the server cannot be asked about the device, or does
// not know it ([ErrNoDevice]), the error says so. The queue of the tabs' engine calls CloseTabs:
//
//	sent, err := tabs.SendCloses(ctx, 5*time.Second, a.CloseTabs)
func (a *Account) CloseTabs(ctx context.Context, deviceID string, urls []string) error {
	to, err := a.otherDevice(ctx, "close pages on another device", deviceID)
	if err != nil {
		return err
	}
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
