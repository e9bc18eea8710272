// The page's language. The scripts are written in English; what they say in another
// language comes with the page.

const texts = JSON.parse(document.querySelector("meta[name=texts]")?.content ?? "{}");

/** language is the page's, as BCP 47 names it. */
export const language = document.documentElement.lang;

/** t is a text in the page's language. {name} in it stands for values.name. */
export const t = (english, values = {}) =>
	(texts[english] ?? english).replace(/\{(\w+)\}/g, (placeholder, name) => String(values[name] ?? placeholder));
