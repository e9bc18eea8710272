package mirror

import "strings"

// A fieldSet names fields of an object, each with those of the object that it
// holds; nil: all that it holds.
type fieldSet map[string]fieldSet

func newFieldSet(names []string) fieldSet {
	set := make(fieldSet)
	for _, name := range names {
		at := set
		for {
			first, rest, nested := strings.Cut(name, ".")
			if !nested {
				at[first] = nil
				break
			}
			if at[first] == nil {
				at[first] = make(fieldSet)
			}
			at, name = at[first], rest
		}
	}
	return set
}

// patch writes the fields over old. A value that means the same keeps its text,
// and a field that is not one of fields stays.
func patch(old, written []byte, fields fieldSet) ([]byte, error) {
	have, err := parse(old)
	if err != nil {
		return nil, err
	}
	want, err := parse(written)
	if err != nil {
		return nil, err
	}
	out := make(object, 0, len(have)+len(want))
	for _, m := range have {
		i, given := want.find(m.name)
		within, ours := fields[m.name]
		switch {
		case !given && ours:
			continue
		case !given || equal(have.get(m.name), want.get(m.name)):
		case within != nil:
			if patched, err := patch(m.value, want[i].value, within); err == nil {
				m.value = patched
				break
			}
			m = want[i] // one of the two is no object
		default:
			m = want[i]
		}
		out = append(out, m)
	}
	for _, m := range want {
		if _, there := have.find(m.name); !there {
			out = append(out, m)
		}
	}
	return out.append(nil), nil
}
