package archtest

import (
	"go/types"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// form is what every store shows an app: the methods, and their parameters and results. T is
// the type of an item. The package comment of engine describes it.
var form = map[string]string{
	"Get":        "(context.Context, bso.ID) (T, error)",
	"List":       "(context.Context) (iter.Seq2[T, error])",
	"Add":        "(context.Context, T) (T, error)",
	"Update":     "(context.Context, T) (T, error)",
	"Delete":     "(context.Context, bso.ID) (error)",
	"Edit":       "(context.Context, func(tx *Tx) error) (error)",
	"Import":     "(context.Context, iter.Seq2[T, error], func(*T) string, importing.Options) (importing.Report, error)",
	"Export":     "(context.Context, io.Writer) (error)",
	"Watch":      "(context.Context) (iter.Seq[engine.Change])",
	"Count":      "(context.Context) (int, error)",
	"Changes":    "(context.Context) (int, error)",
	"Log":        "(context.Context) ([]engine.LogEntry, error)",
	"Undo":       "(context.Context, string) (engine.Undone, error)",
	"Unreadable": "(context.Context) (iter.Seq2[engine.UnreadableRecord, error])",
	"Troubles":   "(context.Context, int) (engine.Troubles, error)",
	"OnChange":   "(func()) ()",
	"Close":      "() (error)",
	// What the form says of a Tx, of an item and of the package.
	"Tx.Get": "(bso.ID) (T, error)", "Tx.Add": "(*T) (error)", "Tx.Update": "(*T) (error)", "Tx.Delete": "(bso.ID) (error)",
	"Open": "(context.Context, engine.StoreConfig) (*Engine, error)",
	"ID":   "bso.ID",
}

// optional are methods that only some stores have. They take and return the same in each.
var optional = map[string]string{
	"DeleteMany": "(context.Context, []engine.ID) ([]engine.ID, error)",
	"DeleteAll":  "(context.Context) (int, error)",
	"Touch":      "(context.Context, bso.ID) (error)",
	"Scrub":      "(context.Context) (engine.Scrubbed, error)",
	"Maintain":   "(context.Context) (int64, error)",
	"Rekey":      "(context.Context, [32]byte) (error)",
}

// ofOne is why a store whose records hold many items shows those elsewhere.
const ofOne = "a record holds all items of an owner; "

// departures say where a store cannot have the form, and why.
var departures = map[string]struct {
	item   string
	except map[string]string
}{
	"engines/passwords":   {item: "Login"},
	"engines/addresses":   {item: "Address"},
	"engines/creditcards": {item: "Card"},
	"engines/forms":       {item: "Entry"},
	"engines/addons":      {item: "Addon"},
	"engines/history":     {item: "Page"},
	"engines/bookmarks": {item: "Item", except: map[string]string{
		"Import": "folders hold items, so a source is a tree: ImportFile and ImportFrom",
	}},
	"engines/prefs": {item: "Record", except: exceptions(ofOne+"Engine.Of has them by name", "Get", "Add", "Update", "Delete", "Edit", "Import",
		"Tx.Get", "Tx.Add", "Tx.Update", "Tx.Delete")},
	"engines/extstorage": {item: "Record", except: exceptions(ofOne+"Engine.Items and Engine.Of have them", "Get", "Add", "Update", "Delete", "Edit",
		"Tx.Get", "Tx.Add", "Tx.Update", "Tx.Delete")},
	"engines/tabs": {item: "Tab", except: exceptions("a page is open once on a device, and its URL names it: Get, OpenTab, CloseTab and SetTabs take that; "+
		"a device sends its own tabs alone, so no sync changes them", "Get", "Add", "Update", "Delete", "Edit", "Import", "Export", "Log", "Undo", "Unreadable", "ID",
		"Tx.Get", "Tx.Add", "Tx.Update", "Tx.Delete")},
	"engine/flat": {item: "R", except: map[string]string{
		"Open": "it takes the engine's schema besides",
		"ID":   "the record is the engine's, and its schema says where the ID is",
	}},
	"collection": {item: "R", except: map[string]string{
		"Open": "it takes the collection's name and the rules of its struct besides",
		"ID":   "the struct is the app's, and Open demands a field for its id",
	}},
}

func exceptions(why string, names ...string) map[string]string {
	all := make(map[string]string)
	for _, name := range names {
		all[name] = why
	}
	return all
}

// TestEnginesHaveOneForm names each method that an engine lacks or has otherwise than the
// others, and each departure that is none.
func TestEnginesHaveOneForm(t *testing.T) {
	t.Parallel()
	found := 0
	for _, p := range publicPackages(t) {
		folder, _ := packageOf(p.Path())
		engine, ok := departures[folder]
		if ok {
			found++
		} else if strings.HasPrefix(folder, "engines/") && p.Scope().Lookup("Engine") != nil {
			t.Errorf("%s has an Engine, and form_test.go does not know it", folder)
		}
		if !ok {
			continue
		}
		shown := shownBy(p, engine.item)
		for name, want := range form {
			got, why := shown[name], engine.except[name]
			switch {
			case got != want && why == "":
				t.Errorf("%s: %s is %q; want %q", folder, name, got, want)
			case got == want && why != "":
				t.Errorf("%s: %s is as in the form; take it out of the departures", folder, name)
			}
		}
		for name, want := range optional {
			if got := shown[name]; got != "" && got != want {
				t.Errorf("%s: %s is %q; want %q", folder, name, got, want)
			}
		}
		for _, field := range timesOf(p, engine.item) {
			t.Errorf("%s: %s is a time, and not a time.Time", folder, field)
		}
	}
	if found != len(departures) {
		t.Errorf("found %d of %d engines", found, len(departures))
	}
}

// shownBy lists what a package shows of the form: signatures, without the names of
// parameters, and with T for the item.
func shownBy(p *types.Package, item string) map[string]string {
	shown := make(map[string]string)
	name := regexp.MustCompile(`\b` + regexp.QuoteMeta(item) + `\b`)
	text := func(t types.Type) string {
		s := types.TypeString(types.Unalias(t), func(q *types.Package) string {
			if q == p {
				return ""
			}
			return q.Name()
		})
		return name.ReplaceAllString(strings.ReplaceAll(s, "Tx["+item+"]", "Tx"), "T")
	}
	signature := func(f types.Type) string {
		s := f.(*types.Signature)
		list := func(tuple *types.Tuple) string {
			var all []string
			for v := range tuple.Variables() {
				all = append(all, text(v.Type()))
			}
			return "(" + strings.Join(all, ", ") + ")"
		}
		return list(s.Params()) + " " + list(s.Results())
	}
	for _, of := range []struct{ name, prefix string }{{"Engine", ""}, {"Tx", "Tx."}} {
		if object := p.Scope().Lookup(of.name); object != nil {
			methods := types.NewMethodSet(types.NewPointer(object.Type()))
			for i := range methods.Len() {
				shown[of.prefix+methods.At(i).Obj().Name()] = signature(methods.At(i).Type())
			}
		}
	}
	if open := p.Scope().Lookup("Open"); open != nil {
		shown["Open"] = signature(open.Type())
	}
	for _, field := range fieldsOf(p, item) {
		if field.Name() == "ID" {
			shown["ID"] = text(field.Type())
		}
	}
	return shown
}

// fieldsOf are the fields of a struct of the package, those of embedded ones included.
func fieldsOf(p *types.Package, name string) (all []*types.Var) {
	object := p.Scope().Lookup(name)
	if object == nil {
		return nil // a type parameter
	}
	within, ok := object.Type().Underlying().(*types.Struct)
	if !ok {
		return nil
	}
	for field := range within.Fields() {
		if named, ok := field.Type().(*types.Named); field.Embedded() && ok {
			all = append(all, fieldsOf(p, named.Obj().Name())...)
			continue
		}
		all = append(all, field)
	}
	return all
}

// timesOf names the fields of an item that are times by their names, and not by their types.
func timesOf(p *types.Package, item string) (found []string) {
	when := []string{"Time", "Added", "Modified", "At"}
	for _, field := range fieldsOf(p, item) {
		name := field.Name()
		isTime := strings.HasPrefix(name, "Last") || slices.ContainsFunc(when, func(w string) bool {
			return strings.HasPrefix(name, w) && !strings.HasPrefix(name, "Times")
		})
		if isTime && field.Type().String() != "time.Time" {
			found = append(found, item+"."+name)
		}
	}
	return found
}
