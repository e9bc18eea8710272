package tree

// ProblemKind is a way in which records are wrong.
type ProblemKind uint8

const (
	// Orphan: no folder lists it, and it names none that exists.
	Orphan ProblemKind = iota
	// MisparentedRoot: a root that names another parent, or that a folder lists.
	MisparentedRoot
	// DeletedRoot: a tombstone for a root.
	DeletedRoot
	// MultipleParents: more than one folder lists it.
	MultipleParents
	// ParentDisagrees: a folder lists it, but it names another; or it names a
	// folder that does not list it.
	ParentDisagrees
	// NonFolderParent: what it names as its parent is no folder.
	NonFolderParent
	// MissingChild: a folder lists it, but there is no such item.
	MissingChild
	// DeletedChild: a folder lists it, but it was deleted.
	DeletedChild
	// RepeatedChild: a folder lists it more than once.
	RepeatedChild
	// NonFolderList: it lists children, but is no folder.
	NonFolderList
	// Cycle: it is its own ancestor.
	Cycle
	// InvalidGUID: its GUID is not one that Firefox takes.
	InvalidGUID
	// NonSyncable: it is below a root that is none of the four.
	NonSyncable
	// MismatchedKind: the two sides have different things under one GUID, or a
	// root is no folder.
	MismatchedKind
	// Unusable: its value is Replace on every side that has it.
	Unusable

	problemKinds
)

// Side is one of the two that are merged.
type Side uint8

const (
	Local Side = iota + 1
	Remote
)

// Problem is one thing that was wrong and was repaired.
type Problem struct {
	Kind ProblemKind
	// GUID is the item concerned.
	GUID GUID
	// Folder is the other one involved, or "".
	Folder GUID
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
func (p *Problems) Total() int { return 0 }
