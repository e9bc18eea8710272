package accounts

import (
	"net/http"

	"github.com/syncmanager/syncmanager/server/security"
)

// noted are the faults that a security log tells of, by their errno. A wrong
// password is noted where the account is known.
var noted = map[int]struct {
	event  security.Event
	reason security.Reason
}{
	errToken.errno:       {security.TokenRefused, security.SessionToken},
	errThrottled.errno:   {security.Throttled, security.TooMany},
	errLocked.errno:      {security.SignInFailed, security.Disabled},
	errBackupCode.errno:  {security.SignInFailed, security.WrongBackupCode},
	errRecoveryKey.errno: {security.SignInFailed, security.WrongRecoveryKey},
	errCode.errno:        {security.SignInFailed, security.WrongCode},
	errInvitation.errno:  {security.SignUpRefused, security.Invitation},
}

// audit tells the security log of a request that was refused.
func (s *Service) audit(r *http.Request, f *fault) {
	n, ok := noted[f.errno]
	if !ok {
		return
	}
	if f.message == errSignUpClosed.message {
		n.reason = security.Closed
	}
	s.cfg.Security.Note(r.Context(), n.event, n.reason, r.RemoteAddr, "")
}

// note tells the security log what a request did or tried with an account; uid is ""
// if there is none.
func (s *Service) note(r *request, e security.Event, why security.Reason, uid string) {
	s.cfg.Security.Note(r.Context(), e, why, r.RemoteAddr, uid)
}
