package accounts

import (
	"net/http"

	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/security"
)

// noted has the errors that go to the security log, by their errno. A wrong password is noted
// where the account is known.
var noted = map[int]struct {
	event  security.Event
	reason security.Reason
}{
	fault.ErrToken.Errno:       {security.TokenRefused, security.SessionToken},
	fault.ErrThrottled.Errno:   {security.Throttled, security.TooMany},
	fault.ErrLocked.Errno:      {security.SignInFailed, security.Disabled},
	fault.ErrBackupCode.Errno:  {security.SignInFailed, security.WrongBackupCode},
	fault.ErrRecoveryKey.Errno: {security.SignInFailed, security.WrongRecoveryKey},
	fault.ErrCode.Errno:        {security.SignInFailed, security.WrongCode},
	fault.ErrInvitation.Errno:  {security.SignUpRefused, security.Invitation},
}

// audit writes a refused request to the security log.
func (s *Service) audit(r *http.Request, f *fault.Error) {
	n, ok := noted[f.Errno]
	if !ok {
		return
	}
	if f.Message == fault.ErrSignUpClosed.Message {
		n.reason = security.Closed
	}
	s.cfg.Security.Note(r.Context(), n.event, n.reason, r.RemoteAddr, "")
}
