package tree

import (
	"cmp"
	"slices"
	"strings"
)

// ProblemKind is a way in which records are wrong.
type ProblemKind uint8

const (
	// Orphan is an item that no folder lists and that names none that exists.
	Orphan ProblemKind = iota
	// MisparentedRoot is a root that names another parent, or that a folder lists.
	MisparentedRoot
	// DeletedRoot is a tombstone for a root.
	DeletedRoot
	// MultipleParents is an item that more than one folder lists.
	MultipleParents
	// ParentDisagrees is an item that a folder lists, but that names another; or that
	// names a folder that does not list it.
	ParentDisagrees
	// NonFolderParent is an item that names a parent that is not a folder.
	NonFolderParent
	// MissingChild is what a folder lists though the item does not exist.
	MissingChild
	// DeletedChild is what a folder lists, though it was deleted.
	DeletedChild
	// RepeatedChild is an item that a folder lists more than once.
	RepeatedChild
	// NonFolderList is an item that lists children but is not a folder.
	NonFolderList
	// Cycle is an item that is its own ancestor.
	Cycle
	// InvalidGUID is an item with a GUID that Firefox does not take.
	InvalidGUID
	// NonSyncable is an item below a root that is none of the four.
	NonSyncable
	// MismatchedKind is a GUID under which the two sides have different things, or a
	// root that is not a folder.
	MismatchedKind
	// Unusable is an item whose value is Replace on every side that has it.
	Unusable

	problemKinds
)

var problemNames = [problemKinds]string{
	Orphan:          "orphan",
	MisparentedRoot: "misparented root",
	DeletedRoot:     "deleted root",
	MultipleParents: "multiple parents",
	ParentDisagrees: "parent disagrees with child",
	NonFolderParent: "parent is no folder",
	MissingChild:    "missing child",
	DeletedChild:    "deleted child",
	RepeatedChild:   "repeated child",
	NonFolderList:   "children of no folder",
	Cycle:           "cycle",
	InvalidGUID:     "invalid GUID",
	NonSyncable:     "non-syncable",
	MismatchedKind:  "mismatched kind",
	Unusable:        "unusable",
}

func (k ProblemKind) String() string {
	if k < problemKinds {
		return problemNames[k]
	}
	return "unknown problem"
}

// Problem is one thing that was wrong and was repaired.
type Problem struct {
	Kind ProblemKind
	// GUID is the item concerned.
	GUID GUID
	// Folder is the other one involved, or "".
	Folder GUID
}

func (p Problem) String() string {
	s := string(p.GUID) + ": " + p.Kind.String()
	if p.Folder != "" {
		s += " (" + string(p.Folder) + ")"
	}
	return s
}

// MaxProblems is how many problems are kept by name; all are counted.
const MaxProblems = 100

// Problems counts what was wrong.
type Problems struct {
	// Counts is indexed by ProblemKind.
	Counts [problemKinds]int
	// First are the first MaxProblems, ordered by kind and GUID.
	First []Problem
}

// Total is the sum of the counts.
func (p *Problems) Total() int {
	total := 0
	for _, n := range p.Counts {
		total += n
	}
	return total
}

// add counts q and keeps it for the time being. A tree can be wrong in a million
// places, so what will not be among the first is dropped now and then.
func (p *Problems) add(q Problem) {
	p.Counts[q.Kind]++
	p.First = append(p.First, q)
	if len(p.First) >= 16*MaxProblems {
		p.settle()
	}
}

// settle sorts what is kept and drops the rest. What is kept depends on what was
// added, not on the order.
func (p *Problems) settle() {
	slices.SortFunc(p.First, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.Kind, b.Kind),
			strings.Compare(string(a.GUID), string(b.GUID)),
			strings.Compare(string(a.Folder), string(b.Folder)))
	})
	if len(p.First) > MaxProblems {
		p.First = p.First[:MaxProblems:MaxProblems]
	}
}

// clone copies p, so that more can be added without changing it.
func (p *Problems) clone() Problems {
	return Problems{Counts: p.Counts, First: slices.Clone(p.First)}
}
