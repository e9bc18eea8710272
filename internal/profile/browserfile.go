package profile

import "github.com/syncmanager/syncmanager/internal/sealedfile"

// browserPrefix begins the names of the files about browsers.
const browserPrefix = "browser-"

// BrowserFile is the file of what is known of a browser on this machine, which install names in
// letters, digits and dashes.
func (p *Profile) BrowserFile(install string) (sealedfile.File, error) {
	return p.sealed(browserPrefix+install+".sealed", "browser")
}
