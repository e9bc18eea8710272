// Storemethods writes the methods that an engine on package mirror, or on package flat, has in
// common with the others, in the engine's own words: an app's author reads them in go doc.
//
//	//go:generate go run github.com/syncmanager/syncmanager/internal/mirror/storemethods -type Address -one "an address" -many addresses
package main

import (
	"bytes"
	_ "embed"
	"flag"
	"fmt"
	"go/format"
	"os"
	"slices"
	"strings"
	"text/template"
)

//go:embed methods.tmpl
var text string

// File is where the methods are written.
const File = "methods.go"

// words are what the template fills in.
type words struct {
	Package, Type string
	One, Many     string // "an address", "addresses"
	On            string // the package of the store: mirror or flat
	Generic       bool   // Type is a type parameter of the engine
	without       []string
}

// The is One with another article: "the address".
func (w words) The() string { return "the " + w.noun() }

// New is One as a new one: "a new address".
func (w words) New() string { return "a new " + w.noun() }

func (w words) noun() string { _, noun, _ := strings.Cut(w.One, " "); return noun }

// With tells whether the method is wanted.
func (w words) With(method string) bool { return !slices.Contains(w.without, method) }

// Self is the engine's type, as its methods name it.
func (w words) Self() string { return "Engine" + w.param() }

// Tx is the type of a transaction.
func (w words) Tx() string { return "Tx" + w.param() }

func (w words) param() string {
	if w.Generic {
		return "[" + w.Type + "]"
	}
	return ""
}

func main() {
	src, err := generate(os.Getenv("GOPACKAGE"), os.Args[1:])
	if err == nil {
		err = os.WriteFile(File, src, 0o644) //nolint:gosec // it is source code
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "storemethods:", err)
		os.Exit(1)
	}
}

// generate returns the file for the arguments of a go:generate line.
func generate(pkg string, args []string) ([]byte, error) {
	w := words{Package: pkg}
	flags := flag.NewFlagSet("storemethods", flag.ContinueOnError)
	flags.StringVar(&w.Type, "type", "", "the type of the records")
	flags.StringVar(&w.One, "one", "a record", "what one is, with its article")
	flags.StringVar(&w.Many, "many", "records", "what many are")
	flags.StringVar(&w.On, "on", "mirror", "the package of the store: mirror or flat")
	flags.BoolVar(&w.Generic, "generic", false, "the type of the records is a type parameter of the engine")
	without := flags.String("without", "", "methods to leave out, separated by commas")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	w.without = strings.Split(*without, ",")
	methods, err := template.New(File).Parse(text)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := methods.Execute(&out, w); err != nil {
		return nil, err
	}
	return format.Source(out.Bytes())
}
