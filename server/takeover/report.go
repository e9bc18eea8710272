package takeover

// Report says what a run did, or with [Options.DryRun] what one would do.
type Report struct {
	// Users counts the users of the other server. They are New, Updated, Merged, Unchanged,
	// Deleted or Elsewhere, or were skipped.
	Users int `json:"users"`
	// New users are those that were copied for the first time.
	New int `json:"new"`
	// Updated users were copied again, since the other server went on and no device wrote here.
	Updated int `json:"updated"`
	// Merged users got the records that devices wrote to the other server after their copy.
	Merged int `json:"merged"`
	// Unchanged users are here as they are there, or have gone on here alone.
	Unchanged int `json:"unchanged"`
	// Deleted users have deleted their account.
	Deleted int `json:"deleted"`
	// Elsewhere counts users of other accounts servers, or with records on other nodes.
	Elsewhere int `json:"elsewhere"`

	// Records and Bytes count what was copied or merged, Bytes the payloads. OldKeys counts
	// former keys, which stay refused.
	Records int64 `json:"records"`
	Bytes   int64 `json:"bytes"`
	OldKeys int   `json:"old_keys"`
	// Collections are the records and bytes by collection, of the first thousand names.
	Collections map[string]Amount `json:"collections"`
	// Expired counts records that were left out since they have expired.
	Expired int64 `json:"expired"`

	// SkippedUsers and SkippedRecords were left out for a reason, which Skips has of the first
	// thousand. Former keys and collections count as records.
	SkippedUsers   int    `json:"skipped_users"`
	SkippedRecords int64  `json:"skipped_records"`
	Skips          []Skip `json:"skips"`
}

// Amount is a number of records, and the size of their payloads in bytes.
type Amount struct {
	Records int64 `json:"records"`
	Bytes   int64 `json:"bytes"`
}

// Skip is something that was left out.
type Skip struct {
	// User is the account's uid, or what the other server has in its place.
	User string `json:"user"`
	// Item is a record, as its collection, "/" and its ID; "": the whole user.
	Item string `json:"item,omitempty"`
	// Reason is a clause.
	Reason string `json:"reason"`
}

const maxNamed = 1000

// skipUser counts a user who was left out.
func (r *Report) skipUser(user, reason string) {
	r.SkippedUsers++
	r.name(Skip{User: user, Reason: reason})
}

func (r *Report) name(s Skip) {
	if len(r.Skips) < maxNamed {
		r.Skips = append(r.Skips, s)
	}
}

// read adds what was found in the storage of a user, taken or not.
func (r *Report) read(c *content) {
	r.Expired += c.expired
	r.SkippedRecords += c.skipped
	for _, s := range c.skips {
		r.name(s)
	}
}

// count adds what was taken over.
func (r *Report) count(amounts map[string]Amount) {
	for name, n := range amounts {
		r.Records += n.Records
		r.Bytes += n.Bytes
		have, ok := r.Collections[name]
		if !ok && len(r.Collections) >= maxNamed {
			continue
		}
		r.Collections[name] = Amount{have.Records + n.Records, have.Bytes + n.Bytes}
	}
}
