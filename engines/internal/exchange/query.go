package exchange

import (
	"regexp"
	"strings"
)

// queryFolder finds the folders in a place: URL of before Firefox 62, where they
// are given by the number that they have in one database.
var queryFolder = regexp.MustCompile(`\bfolder=([A-Za-z0-9_]+)`)

// queryRoots are the names that such a URL can have instead of a number.
var queryRoots = map[string]string{
	"PLACES_ROOT": placesRootGUID, "BOOKMARKS_MENU": "menu________", "TAGS": tagsRootGUID,
	"UNFILED_BOOKMARKS": "unfiled_____", "TOOLBAR": "toolbar_____", "MOBILE_BOOKMARKS": "mobile______",
}

// withGUIDs makes a place: URL name folders by GUID, as Firefox has done since; any
// other URL comes back as it is. A search in a folder that is not there must find
// nothing, where without the folder it would find everything; what Firefox writes
// then is written here too.
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
