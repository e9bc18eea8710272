package pages

// Titles are the titles of all pages, in English.
func Titles() (list []string) {
	for _, p := range routes {
		list = append(list, p.title)
	}
	return append(list, notFound.title)
}
