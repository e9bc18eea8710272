package firefoxsync

import (
	"context"
	"encoding/json"
	"fmt"
)

// Pref is a preference's value as JSON; null: it has its default.
func (ff *Firefox) Pref(ctx context.Context, name string) (value string, err error) {
	var raw json.RawMessage
	if err := ff.run(ctx, &raw, `
		const [name] = args;
		if (!Services.prefs.prefHasUserValue(name)) {
			return null;
		}
		switch (Services.prefs.getPrefType(name)) {
			case Ci.nsIPrefBranch.PREF_BOOL: return Services.prefs.getBoolPref(name);
			case Ci.nsIPrefBranch.PREF_INT: return Services.prefs.getIntPref(name);
			default: return Services.prefs.getStringPref(name);
		}`, name); err != nil {
		return "", fmt.Errorf("reading Firefox's preference %s: %w", name, err)
	}
	return string(raw), nil
}

// SetPref sets a preference to a bool, an int or a string; nil resets it.
func (ff *Firefox) SetPref(ctx context.Context, name string, value any) error {
	if err := ff.run(ctx, nil, `
		const [name, value] = args;
		switch (typeof value) {
			case "boolean": Services.prefs.setBoolPref(name, value); break;
			case "number": Services.prefs.setIntPref(name, value); break;
			case "string": Services.prefs.setStringPref(name, value); break;
			default: Services.prefs.clearUserPref(name);
		}`, name, value); err != nil {
		return fmt.Errorf("setting Firefox's preference %s: %w", name, err)
	}
	return nil
}
