package passwords_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engine/importing"
)

// told is what an import of a file left here and said, in a few lines.
func told(t *testing.T, file string) (report string, logins []string) {
	t.Helper()
	e, _ := open(t)
	r := importCSV(t, e, file, importing.Options{})
	report = fmt.Sprintf("%s: %d added", r.Format, r.Added)
	for _, s := range r.Skips {
		report += fmt.Sprintf("\n%d: %s", s.Line, s.Reason)
	}
	for _, note := range r.Notes {
		report += "\n" + note
	}
	for _, l := range list(t, e) {
		logins = append(logins, l.Hostname+" "+l.Username+" "+l.Password)
	}
	return report, logins
}

// TestImportOfPasswordManagers: what they write is read as far as a login has a place
// for it, and the rest is named.
func TestImportOfPasswordManagers(t *testing.T) {
	t.Parallel()
	const (
		notes  = "\nnotes were left out, since a login has no place for them: "
		codes  = "\nsecrets of one-time codes (TOTP) were left out, since a login has no place for them: "
		fields = "\ncustom fields were left out, since a login has no place for them: "
	)
	for _, c := range []struct {
		file, want string
		logins     []string
	}{
		{"folder,favorite,type,name,notes,fields,reprompt,login_uri,login_username,login_password,login_totp\n" +
			",,login,Two,,,0,\"https://a.example,https://b.example/x,y\",ann,pw1,\n" +
			",,login,Three,my note,\"k: v\",0,\"https://c.example/login,http://c.example\nandroidapp://com.example\",bob,pw2,JBSWY3DP\n" +
			",,note,Secret,the note,,0,,,,\n" +
			",,login,Hosts,,,0,\"d.example,e.example\",cid,pw3,\n" +
			",,login,None,,,0,,dan,pw4,\n",
			"bitwarden: 7 added\n5: it is a note, not a login\n7: its hostname is not a web address" + notes + "1 (lines 3)" + codes + "1 (lines 3)" + fields + "1 (lines 3)",
			[]string{"androidapp://com.example bob pw2", "http://c.example bob pw2", "https://a.example ann pw1", "https://b.example ann pw1", "https://c.example bob pw2",
				"https://d.example cid pw3", "https://e.example cid pw3"}},
		{"url,username,password,totp,extra,name,grouping,fav\nhttps://a.example,ann,pw,,,A,,0\nhttp://sn,,,,a secret note,N,,0\n",
			"lastpass: 1 added\n3: it is a secure note, not a login", []string{"https://a.example ann pw"}},
		{`"Group","Title","Username","Password","URL","Notes","TOTP","Icon","Last Modified","Created"` + "\n" +
			`"Root","A","ann","p""w","https://a.example","n","otpauth://totp/x","0","2021-01-01T00:00:00Z","2020-09-13T12:26:40Z"` + "\n",
			"keepassxc: 1 added" + notes + "1 (lines 2)" + codes + "1 (lines 2)", []string{`https://a.example ann p"w`}},
		{`"Account","Login Name","Password","Web Site","Comments"` + "\n" + `"A","ann","p\\w\"x","https://a.example",""` + "\n",
			"keepass: 1 added", []string{`https://a.example ann p\w"x`}},
		{"Title,URL,Username,Password,Notes,OTPAuth\nA,https://a.example,ann,pw,,\n", "apple: 1 added", []string{"https://a.example ann pw"}},
		{"Title,Url,Username,Password,OTPAuth,Favorite,Archived,Tags,Notes\nA,https://a.example,ann,pw,otpauth://x,false,false,,\n",
			"1password: 1 added" + codes + "1 (lines 2)", []string{"https://a.example ann pw"}},
		{"username,username2,username3,title,password,note,url,category,otpSecret\nann,annie,,A,pw,,https://a.example,,\n",
			"dashlane: 1 added\nfurther user names were left out, since a login has one: 1 (lines 2)", []string{"https://a.example ann pw"}},
		{"type,name,url,email,username,password,note,totp,createTime,modifyTime,vault\nlogin,A,\"https://a.example, https://b.example\",a@x.example,,pw,,,1600000000,1600000000,Personal\nalias,B,,b@x.example,,,,,,,\n",
			"protonpass: 2 added\n3: it is an alias, not a login", []string{"https://a.example a@x.example pw", "https://b.example a@x.example pw"}},
		{"name,url,additional_urls,username,password,note,type\nA,https://a.example,\"[\"\"https://b.example\"\"]\",ann,pw,,password\nB,,,,,,credit_card\n",
			"nordpass: 2 added\n3: it is a card, not a login", []string{"https://a.example ann pw", "https://b.example ann pw"}},
		{"Name,Url,MatchUrl,Login,Pwd,Note,Folder,RfFieldsV2\nA,https://a.example,https://a.example,ann,pw,,,\n", "roboform: 1 added", []string{"https://a.example ann pw"}},
	} {
		got, logins := told(t, c.file)
		if got != c.want || !reflect.DeepEqual(logins, c.logins) {
			t.Errorf("%.60s\ntold\n%s\nwant\n%s\n%q; want %q", c.file, got, c.want, logins, c.logins)
		}
	}
}

// TestImportOfWhatASpreadsheetSaved: rows without their last cells or with more, other
// line ends and separators.
func TestImportOfWhatASpreadsheetSaved(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file, want string
		logins           []string
	}{
		{"short and long rows", "name,url,username,password,note\nshop,https://shop.example,ann,pw-1\nlong,https://long.example,ann,pw-2,note,extra\nempty,https://e.example,ann,pw-3,,,,\nno password,https://n.example,ann\n",
			"chrome: 3 added\n5: it has 3 columns, and the header has 5: its password is missing\nnotes were left out, since a login has no place for them: 1 (lines 3)\n" +
				"cells beyond those of the header were left out: check these rows: 1 (lines 3)",
			[]string{"https://e.example ann pw-3", "https://long.example ann pw-2", "https://shop.example ann pw-1"}},
		{"CR", "url,username,password\rhttps://shop.example,ann,pw-1\rhttps://two.example,bob,pw-2\r", "csv: 2 added", []string{"https://shop.example ann pw-1", "https://two.example bob pw-2"}},
		{"semicolons", "sep=;\r\nURL;Username;Password\r\nhttps://shop.example/a,b;ann;\"pw;1\"\r\n", "csv: 1 added", []string{"https://shop.example ann pw;1"}},
		{"tabs in UTF-16", "\xff\xfeu\x00r\x00l\x00\t\x00u\x00s\x00e\x00r\x00n\x00a\x00m\x00e\x00\t\x00p\x00a\x00s\x00s\x00w\x00o\x00r\x00d\x00\r\x00\n\x00a\x00.\x00b\x00\t\x00\xfc\x00\t\x00p\x00\r\x00\n\x00",
			"csv: 1 added", []string{"https://a.b ü p"}},
	} {
		got, logins := told(t, c.file)
		if got != c.want || !reflect.DeepEqual(logins, c.logins) {
			t.Errorf("%s: told\n%s\nwant\n%s\n%q; want %q", c.name, got, c.want, logins, c.logins)
		}
	}
}

// TestDatesOfASpreadsheet: what Excel makes of Firefox's dates is still a date of then.
func TestDatesOfASpreadsheet(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	r := importCSV(t, e, "url,username,password,httpRealm,formActionOrigin,guid,timeCreated,timeLastUsed,timePasswordChanged\n"+
		"https://shop.example,ann,pw-1,,https://shop.example,{11111111-1111-4111-8111-111111111111},1.6E+12,1.6E+12,1.6E+12\n"+
		"https://words.example,ann,pw-2,,,,2020-09-13T12:26:40Z,1600000000,1600000000.0\n"+
		"https://odd.example,ann,pw-3,,,,soon,-1,1e30\n", importing.Options{})
	if want := []string{"dates that make no sense were left out: 1 (lines 4)"}; r.Added != 3 || !reflect.DeepEqual(r.Notes, want) {
		t.Fatalf("%+v; want 3 added and the notes %q", r, want)
	}
	for _, l := range list(t, e) {
		then := [3]int64{1600000000000, 1600000000000, 1600000000000}
		if got := [3]int64{l.TimeCreated.UnixMilli(), l.TimeLastUsed.UnixMilli(), l.TimePasswordChanged.UnixMilli()}; l.Hostname != "https://odd.example" && got != then {
			t.Errorf("%s has the times %v; want %v", l.Hostname, got, then)
		}
	}
}

// FuzzImportOfCSV: whatever a file holds, it is imported or refused, and no reason or note
// holds anything of it.
func FuzzImportOfCSV(f *testing.F) {
	f.Add("url,username,password\nhttps://a.example,ann,pw\n")
	f.Add("folder,favorite,type,name,notes,fields,reprompt,login_uri,login_username,login_password,login_totp\n,,login,,n,,0,\"https://a.example, https://b.example\",,pw,\n")
	f.Fuzz(func(t *testing.T, file string) {
		e, _ := open(t)
		r, err := e.ImportFrom(t.Context(), strings.NewReader(file), importing.Options{DryRun: true})
		if err == nil && r.Read != r.Added+r.Updated+r.Duplicates+r.Skipped {
			t.Fatalf("%+v", r)
		}
	})
}
