package addresses

import (
	"slices"
	"strings"
	"unicode"
)

// The words by which Firefox knows a name's parts; the lists are its own, so that all
// clients split a name alike. They are matched in lower case, without a final period.
var (
	prefixes = words(`1lt 1st 2lt 2nd 3rd admiral capt captain col cpt dr gen general lcdr lt ltc ltg ltjg maj major mg
		mr mrs ms pastor prof rep reverend rev sen st`)
	suffixes       = words(`b.a ba d.d.s dds i ii iii iv ix jr m.a m.d ma md ms ph.d phd sr v vi vii viii x`)
	familyPrefixes = words(`d' de del der di la le mc san st ter van von`)
	// Surnames of two characters: those that are common, and all Korean ones.
	longSurnames = words(`남궁 사공 서문 선우 제갈 황보 독고 망절 欧阳 令狐 皇甫 上官 司徒 诸葛 司马 宇文 呼延 端木
		張簡 歐陽 諸葛 申屠 尉遲 司馬 軒轅 夏侯`)
	longKoreanSurnames = words(`강전 남궁 독고 동방 망절 사공 서문 선우 소봉 어금 장곡 제갈 황목 황보`)
)

func words(list string) map[string]bool {
	set := make(map[string]bool)
	for w := range strings.FieldsSeq(list) {
		set[w] = true
	}
	return set
}

func isOne(set map[string]bool, word string) bool {
	return set[strings.ToLower(strings.TrimSuffix(word, "."))]
}

// SplitName takes a name apart as Firefox does: "Dr. Ann B. van Dyke" is Ann, B. and
// van Dyke, and "王小明" is 小明 of the family 王. What is neither title nor family nor
// middle name is the given name.
func SplitName(name string) (given, additional, family string) {
	parts := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(" ,\u3000\u30fb\u00b7", r) })
	for len(parts) > 0 && isOne(prefixes, parts[0]) {
		parts = parts[1:]
	}
	if isCJK(name) && (len(parts) == 1 || len(parts) == 2) {
		return splitCJK(parts)
	}
	if len(parts) > 2 { // "John Ma" has no suffix
		for len(parts) > 0 && isOne(suffixes, parts[len(parts)-1]) {
			parts = parts[:len(parts)-1]
		}
	}
	switch len(parts) {
	case 0:
		return name, "", ""
	case 1:
		return parts[0], "", ""
	}
	at := len(parts) - 1
	for at > 0 && isOne(familyPrefixes, parts[at-1]) {
		at--
	}
	parts, family = parts[:at], strings.Join(parts[at:], " ")
	if len(parts) > 1 {
		additional, parts = parts[len(parts)-1], parts[:len(parts)-1]
	}
	return strings.Join(parts, " "), additional, family
}

// splitCJK splits a name whose family stands first, often without a space.
func splitCJK(parts []string) (given, additional, family string) {
	if len(parts) == 2 {
		return parts[1], "", parts[0]
	}
	name := []rune(parts[0])
	surnames := longSurnames
	if len(name) > 3 && !slices.ContainsFunc(name, func(r rune) bool { return !unicode.Is(hangul, r) }) {
		surnames = longKoreanSurnames
	}
	n := 1
	if len(name) > 1 && surnames[string(name[:2])] {
		n = 2
	}
	return string(name[n:]), "", string(name[:n])
}

// JoinName joins the parts of a name; it is the inverse of [SplitName].
func JoinName(given, additional, family string) string {
	if additional == "" && isCJK(given) && isCJK(family) {
		return family + given
	}
	return strings.Join(slices.DeleteFunc([]string{given, additional, family}, func(s string) bool { return s == "" }), " ")
}

// isCJK tells whether a name is one or two Chinese, Japanese or Korean words.
func isCJK(name string) bool {
	count, within := 0, false
	for _, r := range name {
		dot := r == '\u30fb' || r == '\u00b7'
		is := !dot && unicode.Is(cjk, r)
		if !is && !dot && !unicode.IsSpace(r) {
			return false
		}
		if is && !within {
			count++
		}
		within = is
	}
	return count == 1 || count == 2
}

var (
	hangul = &unicode.RangeTable{R16: []unicode.Range16{
		{0x1100, 0x11ff, 1}, {0x3130, 0x318f, 1}, {0xa960, 0xa97f, 1}, {0xac00, 0xd7af, 1}, {0xd7b0, 0xd7ff, 1},
	}}
	// Hangul, kana, bopomofo, ideographs, and the wide forms of Latin.
	cjk = &unicode.RangeTable{R16: []unicode.Range16{
		{0x1100, 0x11ff, 1}, {0x3040, 0x30ff, 1}, {0x3105, 0x312c, 1}, {0x3130, 0x318f, 1}, {0x31f0, 0x32ff, 1}, {0x3400, 0x4dbf, 1},
		{0x4e00, 0x9fff, 1}, {0xa960, 0xa97f, 1}, {0xac00, 0xd7ff, 1}, {0xff00, 0xffef, 1},
	}}
)
