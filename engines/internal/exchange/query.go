package exchange

import (
	"strings"

	"github.com/syncmanager/syncmanager/internal/lazyre"
)

// queryFolder matches the folders in a place: URL of a Firefox before 62, which names
// them by their row in one database.
var queryFolder = lazyre.New(`\bfolder=([A-Za-z0-9_]+)`)

// queryRoots are the names that such a URL may have instead of a number.
var queryRoots = map[string]string{
	"PLACES_ROOT": placesRootGUID, "BOOKMARKS_MENU": "menu________", "TAGS": tagsRootGUID,
	"UNFILED_BOOKMARKS": "unfiled_____", "TOOLBAR": "toolbar_____", "MOBILE_BOOKMARKS": "mobile______",
}

// withGUIDs returns a place: URL that names folders by GUID, as Firefox has done since; it
// returns any other URL as it is. A search in a missing folder must find nothing, while
// without the folder it would find everything. The parameters for that are Firefox's.
func withGUIDs(url string, guids map[string]string) string {
	if !strings.HasPrefix(url, "place:") || !strings.Contains(url, "folder=") {
		return url
	}
	lost := false
	url = queryFolder.ReplaceAllStringFunc(url, func(part string) string {
		id := strings.TrimPrefix(part, "folder=")
		guid := queryRoots[id]
		if guid == "" {
			guid = guids[id]
		}
		if guid == "" {
			lost = true
			return "invalidOldParentId=" + id
		}
		return "parent=" + guid
	})
	if lost {
		url += "&excludeItems=1"
	}
	return url
}
