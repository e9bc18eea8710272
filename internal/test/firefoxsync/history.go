package firefoxsync

import (
	"context"
	"fmt"
)

// Page is a page of Firefox's history.
type Page struct {
	// GUID is the page's ID in Firefox, and that of its record.
	GUID  string `json:"guid"`
	URL   string `json:"url"`
	Title string `json:"title"`
	// Typed is true if the address was typed in once. Hidden pages, such as those
	// that only redirected, are not shown to the user.
	Typed, Hidden bool
	// Frecency is Firefox's score of the page.
	Frecency int64
	// Visits are sorted, the oldest first.
	Visits []Visit `json:"visits"`
}

// Visit is one visit of a page.
type Visit struct {
	// Time is microseconds since 1970. Firefox takes a visit's milliseconds.
	Time int64 `json:"time"`
	// Transition is how the user came to the page: 1 by a link, 2 typed, 3 by a bookmark, 4
	// embedded, 5 by a permanent and 6 by a temporary redirect, 7 a download, 8 in a frame, 9
	// reloaded.
	Transition int `json:"transition"`
}

const historyFunctions = `
const { PlacesUtils } = ChromeUtils.importESModule("resource://gre/modules/PlacesUtils.sys.mjs");
const { history } = PlacesUtils;
`

// History lists all pages with a visit, sorted by URL.
func (ff *Firefox) History(ctx context.Context) ([]Page, error) {
	var pages []Page
	if err := ff.run(ctx, &pages, historyFunctions+`
		const db = await PlacesUtils.promiseDBConnection();
		const pages = new Map();
		for (const row of await db.execute(
			"SELECT h.guid, h.url, h.title, h.typed, h.hidden, h.frecency, v.visit_date, v.visit_type " +
			"FROM moz_places h JOIN moz_historyvisits v ON v.place_id = h.id ORDER BY h.url, v.visit_date, v.visit_type")) {
			const [guid, url, title, typed, hidden, frecency, time, transition] = Array.from({ length: 8 }, (_, i) => row.getResultByIndex(i));
			if (!pages.has(guid)) {
				pages.set(guid, { guid, url, title: title ?? "", typed: !!typed, hidden: !!hidden, frecency, visits: [] });
			}
			pages.get(guid).visits.push({ time, transition });
		}
		return [...pages.values()];`); err != nil {
		return nil, fmt.Errorf("listing Firefox's history: %w", err)
	}
	return pages, nil
}

// AddVisits adds visits to pages. Of a page it takes URL, Title and Visits; a
// visit's Time is cut to milliseconds.
func (ff *Firefox) AddVisits(ctx context.Context, pages ...Page) error {
	if err := ff.run(ctx, nil, historyFunctions+`
		await history.insertMany(args[0].map(({ url, title, visits }) => ({
			url, title, visits: visits.map(({ time, transition }) => ({ date: new Date(Math.floor(time / 1000)), transition })),
		})));`, pages); err != nil {
		return fmt.Errorf("adding visits to Firefox: %w", err)
	}
	return nil
}

// RemovePages deletes pages with all their visits. Missing pages are ignored.
func (ff *Firefox) RemovePages(ctx context.Context, urls ...string) error {
	if err := ff.run(ctx, nil, historyFunctions+`
		await history.remove(args[0]);`, urls); err != nil {
		return fmt.Errorf("removing pages from Firefox: %w", err)
	}
	return nil
}

// RemoveHost deletes the pages of a host.
func (ff *Firefox) RemoveHost(ctx context.Context, host string) error {
	if err := ff.run(ctx, nil, historyFunctions+`
		await history.removeByFilter({ host: args[0] });`, host); err != nil {
		return fmt.Errorf("removing a host from Firefox: %w", err)
	}
	return nil
}

// RemoveVisits deletes the visits between two times, in microseconds since 1970, those times
// included. A page without visits is removed too.
func (ff *Firefox) RemoveVisits(ctx context.Context, from, to int64) error {
	if err := ff.run(ctx, nil, historyFunctions+`
		await history.removeVisitsByFilter({
			beginDate: new Date(Math.floor(args[0] / 1000)), endDate: new Date(Math.floor(args[1] / 1000)) });`, from, to); err != nil {
		return fmt.Errorf("removing visits from Firefox: %w", err)
	}
	return nil
}
