// Package tree merges two bookmark trees, this device's and the account's, into
// one. It does no I/O, reads no clock, and holds nothing of a bookmark but what a
// merge needs.
//
// # From records to a tree
//
// A Builder takes items in any order and makes a Tree of whatever they say. A
// folder's record lists its children and each child's record names its parent,
// so the records of an account may contradict each other. Build settles that by
// rule: the newest statement about where an item belongs holds; an item without one
// goes to "unfiled"; a cycle is opened at its oldest link. Each repair is
// a Problem, and the records concerned are uploaded again by the merge.
//
// The remote tree is what the server held at the last sync with this sync's
// incoming records in place of the old ones. Items are marked as Changed if they came in.
//
// # The merge
//
// Merge works on flat arrays in level order, top down, without recursion:
//
//  1. Match. Items with one GUID are one. A local item that the account has never
//     seen is one with a new remote item of the same content in the same folder,
//     one to one, and takes its GUID.
//  2. Exist. A deletion wins, except against a changed item that is not a folder.
//     What a deleted folder still holds goes to its surviving parent, the nearest one
//     above it.
//  3. Value. One side changed it: that side's. Both did: the newer one's.
//  4. Place. The parent is decided like the value, but for itself: an item may
//     take its title from one side and its folder from the other. With what was
//     last synced (Options.Base), it is known which side moved an item.
//  5. Order. Children are merged as a sequence: the order of the side that
//     changed it; if both did, the newer one's, into which the other's additions and
//     moves are put next to the neighbours they have there.
//
// The outcome is a function of the two sets of items and the options: it does not
// depend on the order in which they were inserted. Merging an outcome with itself
// changes nothing.
package tree
