package main

import "github.com/spf13/cobra"

// jsonTopic is "syncmanager help json": what programs may rely on.
func jsonTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "json",
		Short: "What --json prints",
		Long: `With --json, stdout holds one JSON value. Names and meanings stay; new names may
come. Records have the names they have on the wire. Times are RFC 3339 in UTC,
but in records as on the wire: Unix milliseconds in most, seconds in tabs and in
"modified" of records, microseconds in visits.

a failure        {"status","error"}: status is failed, usage, auth or backedOff

sync             {"status","engines","declined","commands","signedOut","requests",
                 "accountRequests","nextSyncAllowedAt","durationMs","error",
                 "receivedTabs","closedTabs"}; a failed sync too; the last two
                 only where other devices sent something
  status         ok, partial, failed, auth, backedOff
  engines        by name: {"status","downloaded","applied","reconciled","uploaded",
                 "failed","problems","error"}; status may also be declined,
                 newer or needsConfirmation
status           {"profile","account","device","engines","lastSync","backoffUntil"}
engines          [{"name","enabled","pending","registered","version","items",
                 "changes","lastSync","lastError"}]
devices          [{"id","name","type","application","os","version","fxaDeviceId",
                 "modified","local"}]
devices attached [{"name","fxaDeviceId","scope","createdAt","lastSeen","local"}]
devices disconnect {"device","name"}
devices send-tab {"device","name","urls"}, close-tab as well
login            {"server","email","uid","local"}
logout           {"account","serverTold","wiped"}
import           by kind: {"read","added","updated","duplicates","skippedRecords",
                 "skipped":[{"line","item","reason"}],"error"}; error where a
                 kind failed, and then the exit code is 3
bookmarks        [{"id","type","parentid","position","title","bmkUri","tags",
                 "keyword","dateAdded","lastModified"}], without what a kind of
                 item does not have; list, search, rm and mv an array, add, edit
                 and tag one of them, tag alone an array of tags
bookmarks tree   {…,"children":[{…,"children"}]}
bookmarks import {"format","added","duplicates","skipped",
                 "reasons":[{"line","item","reason"}],"notes"}
bookmarks check  {"items","records","counts","faults":[{"where","kind","id",
                 "folder"}]}; where is device, server or both
bookmarks log    [{"sync","at","added","changed","moved","deleted","repairs",
                 "undone"}]
bookmarks undo   {"sync","restored","reverted","moved","removed","kept"}
history          [{"id","histUri","title","visitCount","typedCount","lastVisit",
                 "hidden"}]; list URL with "visits":[{"date","type"}], add not
                 an array
history rm       {"pages","visits"}
history import   {"added","merged","same","visits","skipped",
                 "reasons":[{"item","reason"}]}
export           {"file","format"}
passwords        [{"id","hostname","formSubmitURL","httpRealm","username",
                 "usernameField","passwordField","timeCreated",
                 "timePasswordChanged","timeLastUsed","timesUsed"}], with
                 "password" when asked for
passwords import {"format","read","added","updated","duplicates","skippedRows",
                 "skipped":[{"line","reason"}],"notes"}
tabs             [{"id","clientName","type","local","tabs":[{"title",
                 "urlHistory","icon","lastUsed"}]}]
addresses        [{"id","entry":{"name","organization","street-address",
                 "address-level3","address-level2","address-level1","postal-code",
                 "country","tel","email","version","timeCreated",
                 "timeLastModified","timeLastUsed","timesUsed","given-name",
                 "additional-name","family-name"}}], without what is empty; list
                 and rm an array, show, add and edit one of them
cards            [{"id","entry":{"cc-name","cc-number","cc-exp-month",
                 "cc-exp-year","cc-type","billingAddressGUID",…}}], likewise; the
                 number's last four digits unless --show-numbers asks for all
addresses import {"read","added","updated","duplicates","skippedRecords",
                 "skipped":[{"item","reason"}]}; cards, forms, prefs and storage
                 import as well; updated is 0
tabs inbox       [{"title","url","private","from","receivedAt"}]
records          [{"name","records","bytes","modified"}]; null is unknown
records list     [{"id","modified","sortindex","bytes","payload","error"}], payload
                 when asked for; get one of them; --raw has what the server has
records put      {"collection","id","modified"}
records rm       {"collection","ids"}, without ids the whole collection
forms            [{"id","name","value"}]
prefs            [{"name","value"}]
addons           [{"id","addonID","applicationID","enabled","source"}]
storage          [{"extId","key","value"}]; show EXT {"id","extId","data"}, show
                 EXT KEY the value. Of these four show, add and edit print one,
                 the others an array
serve            {"url","listen","data"}, once it can be reached
server user      [{"uid","email","created","seen","devices","disabled","bytes",
                 "quota"}]; add not an array; quota 0 is none; disable, enable,
                 quota and rm {"user"}
server invite    {"code","expires"}
server backup    {"data","file"}, restore as well
version          {"version","revision","modified","go","platform"}`,
	}
}
