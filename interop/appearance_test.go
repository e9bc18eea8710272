package interop_test

import "testing"

// looks are functions of a page about its colors: the contrast of two (WCAG 2.2, 1.4.3), and
// the background of an element.
const looks = `
	const color = text => text.match(/[\d.]+/g).map(Number);
	const luminance = rgb => {
		const [r, g, b] = rgb.map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const contrast = (one, other) => {
		const [a, b] = [luminance(one), luminance(other)].sort((a, b) => b - a);
		return (a + 0.05) / (b + 0.05);
	};
	const ground = e => {
		for (; e; e = e.parentElement) {
			const c = color(getComputedStyle(e).backgroundColor);
			if (c.length === 3 || c[3] === 1) {
				return c;
			}
		}
		return [255, 255, 255];
	};`

// appearanceOf is a script that returns the page's appearance.
const appearanceOf = looks + `
	const all = [...document.querySelectorAll("body *")].filter(e => e.checkVisibility());
	const own = e => [...e.childNodes].filter(n => n.nodeType === 3 && n.data.trim());
	const faint = [], cut = [], small = [], unnamed = [];
	for (const e of all) {
		const texts = own(e);
		const said = texts.map(n => n.data.trim()).join(" ");
		const ratio = said && !e.closest("[aria-busy=true]") ? contrast(color(getComputedStyle(e).color), ground(e)) : 21;
		if (ratio < 4.5) {
			faint.push(said + ": " + ratio.toFixed(2));
		}
		for (const n of texts) {
			const range = document.createRange();
			range.selectNodeContents(n);
			const box = e.closest("section, header, noscript")?.getBoundingClientRect() ?? { left: 0, right: innerWidth };
			if ([...range.getClientRects()].some(r => r.left < box.left - 1 || r.right > box.right + 1)) {
				cut.push(said);
			}
		}
		if (!e.matches("input") && getComputedStyle(e).overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1) {
			cut.push(e.outerHTML);
		}
		if (!e.matches("a, button, input, img, summary")) {
			continue;
		}
		if (!(e.labels?.length || e.ariaLabel || e.textContent.trim() || e.alt)) {
			unnamed.push(e.outerHTML);
		}
		const inSentence = e.matches("a") && own(e.parentElement).length;
		const target = [e, ...e.labels ?? []].map(e => e.getBoundingClientRect());
		if (!e.matches("img") && !inSentence && !target.some(r => r.width >= 24 && r.height >= 24)) {
			small.push(e.outerHTML);
		}
	}
	return {
		width: innerWidth, page: document.documentElement.scrollWidth, faint, cut, small, unnamed, title: document.title,
		heading: all.find(e => e.matches("h1"))?.textContent ?? "", moving: document.getAnimations().length,
	};`

// appearance has the properties of a page that could make it unusable for somebody.
type appearance struct {
	// Width is the window's, Page the page's, in CSS pixels.
	Width, Page int
	// Faint lists texts with too little contrast, Cut those that are not fully visible, Small
	// targets that are hard to hit, Unnamed elements without a name.
	Faint, Cut, Small, Unnamed []string
	Title, Heading             string
	// Moving is the number of elements that move.
	Moving int
}

// check fails the test if the page breaks WCAG 2.2: 1.4.3 (contrast), 1.4.4 and 1.4.10 (large
// text, narrow windows), 2.3.3 (motion), 2.4.2 (titles), 2.5.8 (size of targets), 4.1.2
// (names).
func (a appearance) check(t *testing.T, where string, width int) {
	t.Helper()
	if a.Width != width || a.Page > a.Width {
		t.Errorf("%s is %d wide in a window of %d, which should be %d", where, a.Page, a.Width, width)
	}
	for what, list := range map[string][]string{"hard to read": a.Faint, "cut off": a.Cut, "hard to hit": a.Small, "without a name": a.Unnamed} {
		if len(list) > 0 {
			t.Errorf("%s: %s: %q", where, what, list)
		}
	}
	if want := a.Heading + " · Sync Manager"; a.Heading == "" || a.Title != want {
		t.Errorf("%s: the title is %q under the heading %q", where, a.Title, a.Heading)
	}
	if a.Moving > 0 {
		t.Errorf("%s: %d things move", where, a.Moving)
	}
}
