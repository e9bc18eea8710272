package tree

import (
	"crypto/sha256"
	"encoding/binary"
)

// Content identifies what an item is about: kind, title and URL, hashed. Two
// items with one Content are duplicates if they are in the same folder and new.
type Content [16]byte

// ContentOf hashes what the user would call the same item. title and url are
// left empty where the kind has none; a separator has neither, so that the first
// new separator of a folder is one with the other side's first, and so on.
//
// The hash is a cryptographic one: nobody can write a bookmark that another one
// disappears into.
func ContentOf(k Kind, title, url string) Content {
	var short [256]byte
	b := append(short[:0], byte(k))
	b = binary.AppendUvarint(b, uint64(len(title)))
	b = append(b, title...)
	b = append(b, url...)
	sum := sha256.Sum256(b)
	return Content(sum[:16])
}
