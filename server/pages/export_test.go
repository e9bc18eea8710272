package pages

import "strings"

// Titles are the titles of all pages, in English.
func Titles() (list []string) {
	for _, p := range routes {
		list = append(list, p.title)
	}
	return append(list, notFound.title)
}

// Paths are those of all pages.
func Paths() (list []string) {
	for pattern := range routes {
		list = append(list, strings.TrimSuffix(pattern, "{$}"))
	}
	return list
}
