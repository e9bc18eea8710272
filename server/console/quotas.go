package console

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/syncmanager/syncmanager/server"
)

// megabyte is in bytes, and maxMegabytes bounds a quota.
const (
	megabyte     = 1_000_000
	maxMegabytes = 1_000_000_000
	// maxShown bounds lists without pages.
	maxShown = 200
)

// quota reads the form of a quota; nil is the default.
func (v *view) quota() (*int64, error) {
	switch v.PostFormValue("quota") {
	case "default":
		return nil, nil
	case "none":
		return new(int64), nil
	case "limit":
		n, err := strconv.ParseInt(strings.TrimSpace(v.PostFormValue("megabytes")), 10, 64)
		if err != nil || n < 1 || n > maxMegabytes {
			return nil, mistake("the limit must be a number of megabytes from 1 to 1000000000, such as 500")
		}
		n *= megabyte
		return &n, nil
	}
	return nil, mistake("choose what the quota is to be")
}

func (c *console) setQuota(v *view) error {
	quota, err := v.quota()
	if err != nil {
		return err
	}
	return c.changed(v, c.server.SetQuota(v.Context(), v.uid(), quota), "quota")
}

func (c *console) setDefaultQuota(v *view) error {
	quota, err := v.quota()
	if err == nil {
		err = c.server.SetDefaultQuota(v.Context(), quota)
	}
	c.listing.forget()
	if err != nil {
		return err
	}
	return v.back("/quotas", "quota")
}

type quotasData struct {
	Quota, Megabytes int64
	// Others are users with another quota; More is how many are not listed.
	Others []server.User
	More   int
}

// quotas shows the default quota, and who has another.
func (c *console) quotas(v *view) error {
	d := quotasData{Quota: c.server.DefaultQuota()}
	d.Megabytes = d.Quota / megabyte
	all, err := c.listed(v.Context())
	if err == nil {
		for _, u := range all.users {
			switch {
			case u.Quota == d.Quota:
			case len(d.Others) < maxShown:
				d.Others = append(d.Others, u)
			default:
				d.More++
			}
		}
	}
	return v.show(http.StatusOK, "quotas", "Quotas", "/quotas", d)
}
