package firefoxsync

import (
	"context"
	"fmt"
)

// Entry is an address or a payment card of Firefox's form autofill: its fields by their names,
// "guid", "version" and the times among them. A card's number is decrypted, which needs a key
// store that works without a user: Firefox has its own if the system has none.
type Entry map[string]any

// autofillFunctions find the storage of a collection, by the name that it has in sync.
const autofillFunctions = `
const { formAutofillStorage } = ChromeUtils.importESModule("resource://autofill/FormAutofillStorage.sys.mjs");
await formAutofillStorage.initialize();
const storage = formAutofillStorage[args[0] == "creditcards" ? "creditCards" : args[0]];
`

// Entries lists the entries of "addresses" or "creditcards", without what Firefox
// computes from others.
func (ff *Firefox) Entries(ctx context.Context, collection string) ([]Entry, error) {
	var entries []Entry
	if err := ff.run(ctx, &entries, autofillFunctions+`return await storage.getAll({ rawData: true });`, collection); err != nil {
		return nil, fmt.Errorf("listing Firefox's %s: %w", collection, err)
	}
	return entries, nil
}

// AddEntry adds an entry, as a form that is sent does, and returns its GUID.
func (ff *Firefox) AddEntry(ctx context.Context, collection string, e Entry) (guid string, err error) {
	if err := ff.run(ctx, &guid, autofillFunctions+`return await storage.add(args[1]);`, collection, e); err != nil {
		return "", fmt.Errorf("adding to Firefox's %s: %w", collection, err)
	}
	return guid, nil
}

// EditEntry changes the fields that e has, and leaves the others, as Firefox's own dialog does.
// A field that is "" is removed.
func (ff *Firefox) EditEntry(ctx context.Context, collection, guid string, e Entry) error {
	if err := ff.run(ctx, nil, autofillFunctions+`
		const entry = await storage.get(args[1], { rawData: true });
		for (const field of formAutofillStorage.INTERNAL_FIELDS) {
			delete entry[field];
		}
		await storage.update(args[1], { ...entry, ...args[2] });`, collection, guid, e); err != nil {
		return fmt.Errorf("editing in Firefox's %s: %w", collection, err)
	}
	return nil
}

// RemoveEntry deletes the entry with that GUID.
func (ff *Firefox) RemoveEntry(ctx context.Context, collection, guid string) error {
	if err := ff.run(ctx, nil, autofillFunctions+`storage.remove(args[1]);`, collection, guid); err != nil {
		return fmt.Errorf("removing from Firefox's %s: %w", collection, err)
	}
	return nil
}

// SplitName splits a name into its parts, as Firefox does for forms with a field for each part.
func (ff *Firefox) SplitName(ctx context.Context, name string) (given, additional, family string, err error) {
	var parts struct{ Given, Middle, Family string }
	if err := ff.run(ctx, &parts, `
		const { FormAutofillNameUtils } = ChromeUtils.importESModule("resource://gre/modules/shared/FormAutofillNameUtils.sys.mjs");
		return FormAutofillNameUtils.splitName(args[0]);`, name); err != nil {
		return "", "", "", fmt.Errorf("splitting a name in Firefox: %w", err)
	}
	return parts.Given, parts.Middle, parts.Family, nil
}
