package firefoxsync

import (
	"context"
	"fmt"
)

// FormEntry is what was typed into a field, in Firefox's form history.
type FormEntry struct {
	// GUID is the entry's ID in Firefox, and that of its record.
	GUID  string `json:"guid"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

const formFunctions = `
const { FormHistory } = ChromeUtils.importESModule("resource://gre/modules/FormHistory.sys.mjs");
`

// FormEntries lists the form history, sorted by name and value.
func (ff *Firefox) FormEntries(ctx context.Context) ([]FormEntry, error) {
	var entries []FormEntry
	if err := ff.run(ctx, &entries, formFunctions+`
		const all = await FormHistory.search(["guid", "fieldname", "value"], {});
		const order = e => e.name + "\n" + e.value;
		return all.map(({ guid, fieldname, value }) => ({ guid, name: fieldname, value }))
			.sort((a, b) => order(a) < order(b) ? -1 : 1);`); err != nil {
		return nil, fmt.Errorf("listing Firefox's form history: %w", err)
	}
	return entries, nil
}

// AddFormEntry notes that a value was typed into a field.
func (ff *Firefox) AddFormEntry(ctx context.Context, name, value string) error {
	if err := ff.run(ctx, nil, formFunctions+`
		await FormHistory.update({ op: "bump", fieldname: args[0], value: args[1] });`, name, value); err != nil {
		return fmt.Errorf("adding to Firefox's form history: %w", err)
	}
	return nil
}

// RemoveFormEntry deletes one value of a field.
func (ff *Firefox) RemoveFormEntry(ctx context.Context, name, value string) error {
	if err := ff.run(ctx, nil, formFunctions+`
		await FormHistory.update({ op: "remove", fieldname: args[0], value: args[1] });`, name, value); err != nil {
		return fmt.Errorf("removing from Firefox's form history: %w", err)
	}
	return nil
}
