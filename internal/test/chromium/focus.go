package chromium

import (
	"encoding/json"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/runtime"
)

// Element is an element of the page as a screen reader describes it.
type Element struct {
	// Role is a role such as "button". Name is the element's label, and Description the text
	// after it.
	Role, Name, Description string
	// Invalid says that its value was refused.
	Invalid bool
}

// Focused returns the element with the keyboard focus.
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

// text returns a value of the accessibility tree if it is a text.
func text(v *accessibility.Value) (s string) {
	if v != nil && json.Unmarshal(v.Value, &s) != nil {
		s = string(v.Value)
	}
	return s
}
