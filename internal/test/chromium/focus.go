package chromium

import (
	"encoding/json"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/runtime"
)

// Element is something on the page as a screen reader tells of it.
type Element struct {
	// Role is such as "button", Name what it is called, Description what is said
	// after that.
	Role, Name, Description string
	// Invalid is whether what is in it was refused.
	Invalid bool
}

// Focused is the element that the keyboard is with.
func (p *Page) Focused() Element {
	p.t.Helper()
	found := call(p, runtime.Evaluate, runtime.EvaluateParams{Expression: "document.activeElement"})
	alone := false
	tree := call(p, accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{
		ObjectID: found.Result.ObjectID, FetchRelatives: &alone,
	})
	if len(tree.Nodes) == 0 || tree.Nodes[0].Ignored {
		return Element{}
	}
	n := tree.Nodes[0]
	e := Element{Role: text(n.Role), Name: text(n.Name), Description: text(n.Description)}
	for _, property := range n.Properties {
		if property.Name == "invalid" && text(property.Value) == "true" {
			e.Invalid = true
		}
	}
	return e
}

// text is a value of the accessibility tree that is one.
func text(v *accessibility.Value) (s string) {
	if v != nil && json.Unmarshal(v.Value, &s) != nil {
		s = string(v.Value)
	}
	return s
}
