package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
)

// jsonTopic is "syncmanager help json": what programs may rely on.
func jsonTopic() *cobra.Command {
	c := &cobra.Command{Use: "json", Short: "What --json prints"}
	c.SetHelpFunc(func(c *cobra.Command, args []string) {
		c.Long = jsonHelp()
		c.Parent().HelpFunc()(c, args)
	})
	return c
}

func jsonHelp() string {
	var long strings.Builder
	breakable := strings.NewReplacer(`,"`, `, "`, `,{`, `, {`)
	long.WriteString(`With --json, stdout holds one JSON value. Names and meanings do not change; new names
may be added. Records have the names that they have on the wire. Times are RFC 3339
in UTC, except in records, which have those of the wire: Unix milliseconds in most,
seconds in tabs and in "modified" of records, microseconds in visits.` + "\n")
	for _, o := range jsonOutputs {
		fmt.Fprintf(&long, "\n%-16s %s", o.command, usage.Hang(breakable.Replace(o.prints), 17))
	}
	return long.String()
}

// jsonOutputs are the commands with a description of what they print. A name in quotes
// is a member of an object.
var jsonOutputs = []struct{ command, prints string }{
	{`a failure`, `{"status","error"}: status is failed, usage, auth or backedOff`},
	{`sync`, `{"status","engines","declined","commands","signedOut","requests","accountRequests","nextSyncAllowedAt","durationMs","error","receivedTabs","closedTabs","closesSent"}; also for a failed sync; the last three only if devices sent each other something`},
	{`  status`, `ok, partial, failed, auth, backedOff`},
	{`  engines`, `by name: {"status","downloaded","applied","reconciled","uploaded","failed","problems","error"}; status may also be declined, newer or needsConfirmation`},
	{`status`, `{"profile","account","device","engines","lastSync","backoffUntil"}`},
	{`engines`, `[{"name","enabled","pending","registered","version","items","changes","lastSync","lastError"}]`},
	{`devices`, `[{"id","name","type","application","os","version","fxaDeviceId","modified","local"}]`},
	{`devices attached`, `[{"name","fxaDeviceId","scope","createdAt","lastSeen","local"}]`},
	{`devices disconnect`, `{"device","name"}`},
	{`devices send-tab`, `{"device","name","urls"}, close-tab as well`},
	{`account`, `{"uid","email","displayName","avatar","avatarDefault"}`},
	{`account check`, `{"state"}: active; otherwise a failure`},
	{`account manage`, `{"url"}`},
	{`login`, `{"server","email","uid","local"}`},
	{`logout`, `{"account","serverTold","wiped"}`},
	{`import`, `by kind: a report and "error"; error if the kind failed, and then the exit code is 3`},
	{`a report`, `{"format","read","added","updated","duplicates","skipped","skips":[{"line","item","reason"}],"visits","notes"}: what bookmarks import, passwords import and the others print; format, visits and notes only if there are any`},
	{`search`, `[{"id","url","title","score","match","visits","lastVisit","bookmark":{"id","title","tags","keyword"},"open"}], without what a page lacks; match is keyword, url, choice, address or words`},
	{`bookmarks`, `[{"id","type","parentid","position","title","bmkUri","tags","keyword","dateAdded","lastModified"}], without the fields that a kind of item lacks; list, search, rm and mv print an array, add, edit and tag one item, tag without arguments an array of tags`},
	{`bookmarks tree`, `{…,"children":[{…,"children"}]}`},
	{`bookmarks check`, `{"items","records","counts","faults":[{"where","kind","id","folder"}]}; where is device, server or both`},
	{`bookmarks log`, `[{"sync","at","added","changed","moved","deleted","repairs","undone"}]`},
	{`bookmarks undo`, `{"sync","restored","reverted","moved","removed","kept"}`},
	{`history`, `[{"id","histUri","title","visitCount","typedCount","lastVisit","hidden"}]; list URL adds "visits":[{"date","type","referrer","redirected","failed","remote"}] and "previewImage", without what a visit or page lacks; add prints one`},
	{`history top`, `[{"id","histUri","title","visitCount","typedCount","lastVisit","score"}]`},
	{`history visits`, `[{"id","histUri","title","hidden","previewImage","at","type","referrer","redirected","failed","remote"}], without what a visit lacks`},
	{`history rm`, `{"pages","visits"}, clear and prune as well`},
	{`export`, `{"file","format"}`},
	{`passwords`, `[{"id","hostname","formSubmitURL","httpRealm","username","usernameField","passwordField","timeCreated","timePasswordChanged","timeLastUsed","timesUsed"}], with "password" if it was asked for`},
	{`passwords log`, `[{"sync","at","changed","deleted","undone"}]; other stores likewise`},
	{`passwords undo`, `{"sync","restored","reverted","kept"}; other stores likewise`},
	{`tabs`, `[{"id","clientName","type","local","tabs":[{"title","urlHistory","icon","lastUsed","pinned","inactive","index","windowId","tabGroupId"}],"closing"}]; the last five of a tab only if it has them, closing only if there are any`},
	{`tabs close`, `{"url"}; of another device {"device","name","urls"}, undo as well`},
	{`addresses`, `[{"id","entry":{"name","organization","street-address","address-level3","address-level2","address-level1","postal-code","country","tel","email","version","timeCreated","timeLastModified","timeLastUsed","timesUsed","given-name","additional-name","family-name"}}], without what is empty; list and rm print an array, show, add and edit one item`},
	{`cards`, `[{"id","entry":{"cc-name","cc-number","cc-exp-month","cc-exp-year","cc-type","billingAddressGUID",…}}], likewise; cc-number is masked unless --show-numbers is given`},
	{`tabs inbox`, `[{"title","url","private","from","receivedAt"}]`},
	{`records`, `[{"name","records","bytes","modified"}]; null is unknown`},
	{`records list`, `[{"id","modified","sortindex","bytes","payload","error"}], payload if it was asked for; get prints one; --raw prints what the server has`},
	{`records put`, `{"collection","id","modified"}`},
	{`records rm`, `{"collection","ids"}, without ids for the whole collection`},
	{`forms`, `[{"id","name","value"}]`},
	{`prefs`, `[{"name","value"}]`},
	{`addons`, `[{"id","addonID","applicationID","enabled","source"}]`},
	{`storage`, `[{"extId","key","value"}]; show EXT {"id","extId","data"}, show EXT KEY the value. Of these four, show, add and edit print one, the others an array`},
	{`agent status`, `{"running","version","protocol","pid","since","profile","lastSync","nextSync","paused","problems"}, running alone if it does not run, and then the exit code is 1`},
	{`agent install`, `{"service","file"}, uninstall as well`},
	{`serve`, `{"url","otherUrls","listen","data","invitation"}, once it can be reached; otherUrls and invitation only if there are any`},
	{`server user`, `[{"uid","email","created","seen","devices","disabled","bytes","quota"}]; add prints one; quota 0 is none; disable, enable, quota and rm {"user"}`},
	{`server invite`, `{"code","expires"}`},
	{`server backup`, `{"data","file"}, restore as well`},
	{`version`, `{"version","revision","modified","go","platform"}`},
}
