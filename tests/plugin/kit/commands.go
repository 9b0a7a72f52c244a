package main

// script is what is sent in one session, line by line; each is answered before
// the next. A line "!pipeline" sends all the rest at once.
type script struct {
	name  string
	lines []string
	// writes: it changes the store in a way that later scripts would notice.
	writes bool
	// unselected: it selects by itself.
	unselected bool
}

// fetchItems are each fetched alone, for all messages.
var fetchItems = []string{
	"BODY.PEEK[]",
	"BODY.PEEK[HEADER]",
	"BODY.PEEK[TEXT]",
	"BODY.PEEK[1]", "BODY.PEEK[2]", "BODY.PEEK[3]", "BODY.PEEK[4]",
	"BODY.PEEK[1.1]", "BODY.PEEK[2.1]", "BODY.PEEK[2.2]", "BODY.PEEK[3.1]",
	"BODY.PEEK[2.2.1]", "BODY.PEEK[3.1.2]", "BODY.PEEK[4.1.TEXT]",
	"BODY.PEEK[1.MIME]", "BODY.PEEK[2.MIME]", "BODY.PEEK[2.1.MIME]",
	"BODY.PEEK[2.HEADER]", "BODY.PEEK[2.TEXT]", "BODY.PEEK[3.1.HEADER]",
	"BODY.PEEK[2.HEADER.FIELDS (SUBJECT FROM)]",
	"BODY.PEEK[HEADER.FIELDS (SUBJECT)]",
	"BODY.PEEK[HEADER.FIELDS (FROM TO CC X-MANY DATE)]",
	"BODY.PEEK[HEADER.FIELDS.NOT (RECEIVED X-MANY)]",
	"BODY.PEEK[HEADER.FIELDS (NO-SUCH-FIELD)]",
	"BODY.PEEK[]<0.100>", "BODY.PEEK[]<37.300>", "BODY.PEEK[]<100000.50>",
	"BODY.PEEK[TEXT]<10.20>", "BODY.PEEK[HEADER]<3.20>",
	"BODY.PEEK[1]<0.10>", "BODY.PEEK[2.1]<5.1000000>",
	"BODY.PEEK[]<4294967290.10>",
	"BINARY.PEEK[]", "BINARY.PEEK[1]", "BINARY.PEEK[3]", "BINARY.PEEK[2.1]",
	"BINARY.PEEK[1]<0.30>", "BINARY.PEEK[3]<100.200>",
	"BINARY.SIZE[1]", "BINARY.SIZE[3]", "BINARY.SIZE[]",
	"ENVELOPE", "BODY", "BODYSTRUCTURE",
	"RFC822", "RFC822.HEADER", "RFC822.TEXT", "RFC822.SIZE",
	"INTERNALDATE", "FLAGS", "UID", "MODSEQ",
	"X-GUID", "X-MAILBOX", "X-REAL-UID", "X-SAVEDATE", "SNIPPET",
	"PREVIEW", "PREVIEW (LAZY)", "BODY[9.9]", "BODY[1.9.HEADER]", "NONSENSE",
	"ALL", "FAST", "FULL",
}

// fetchCombinations ask for several things in one command.
var fetchCombinations = []string{
	"FETCH 1:* (UID FLAGS BODY.PEEK[])",
	"FETCH 1:* (RFC822.SIZE ENVELOPE BODYSTRUCTURE)",
	"FETCH 1:* (BODY.PEEK[HEADER] BODY.PEEK[TEXT])",
	"FETCH 1:* (BODY.PEEK[1] BINARY.PEEK[1] BINARY.SIZE[1] RFC822.SIZE)",
	"FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[]<0.50> UID)",
	"FETCH 1:* (X-GUID INTERNALDATE RFC822.SIZE BODY.PEEK[TEXT]<0.10>)",
	"FETCH 1:* (BODY.PEEK[] BODY.PEEK[] RFC822.HEADER)",
	"UID FETCH 1:* (UID BODY.PEEK[])",
	"UID FETCH 3,1,7:9,2 (BODY.PEEK[HEADER] X-GUID)",
	"UID FETCH *:5 (BODY.PEEK[]<0.9>)",
	"UID FETCH 100000:200000 (BODY.PEEK[])",
	"FETCH 4 BODY.PEEK[]",
	"FETCH *,1 (ENVELOPE)",
	"FETCH 5:2,9 FULL",
	"FETCH 99999 BODY.PEEK[]",
	"FETCH 1:* (FLAGS BODY.PEEK[]) (CHANGEDSINCE 1)",
	"UID FETCH 1:* (BODY.PEEK[HEADER]) (CHANGEDSINCE 99999 VANISHED)",
}

var searches = []string{
	"SEARCH TEXT needle3", "SEARCH BODY project", "SEARCH BODY needle",
	"SEARCH TEXT example.com", "SEARCH NOT BODY needle1",
	"SEARCH OR BODY needle4 TEXT nonsense",
	"SEARCH HEADER SUBJECT week", `SEARCH HEADER X-MANY ""`,
	`SEARCH HEADER SUBJECT ""`, "SEARCH HEADER NO-SUCH-FIELD x",
	"SEARCH SUBJECT matter", "SEARCH FROM sender3", "SEARCH TO other4",
	"SEARCH CC friends", "SEARCH BCC x",
	"SEARCH NOT HEADER FROM sender1 BODY order",
	"SEARCH OR (BODY budget UID 1:10) (HEADER TO other NOT TEXT plan)",
	"SEARCH LARGER 4000", "SEARCH SMALLER 300", "SEARCH LARGER 4000 BODY week",
	"SEARCH SENTSINCE 5-Jan-2024", "SEARCH SENTON 9-Jan-2024 TEXT needle",
	"SEARCH SINCE 15-Nov-2023", "SEARCH BEFORE 15-Nov-2023 BODY office",
	"SEARCH UNSEEN TEXT needle", "SEARCH SEEN BODY needle",
	"UID SEARCH TEXT needle", "UID SEARCH 3:9 BODY order",
	"UID SEARCH UID 1,5,9 TEXT week",
	"SEARCH CHARSET UTF-8 BODY {4+}\r\n\xc3\xa4\xc3\xb6",
	"SEARCH CHARSET UTF-8 SUBJECT {6+}\r\ngr\xc3\xbc\xc3\x9f",
	"SEARCH CHARSET X-NONE BODY x",
	"SEARCH RETURN (MIN MAX COUNT ALL) BODY needle",
	"UID SEARCH RETURN (COUNT) TEXT needle1",
	"UID SEARCH RETURN () HEADER SUBJECT week",
	"SEARCH MODSEQ 1 BODY needle",
	"SORT (SUBJECT) UTF-8 ALL", "SORT (DATE) UTF-8 ALL",
	"SORT (REVERSE SIZE) UTF-8 ALL", "SORT (ARRIVAL) UTF-8 BODY needle",
	"SORT (FROM TO CC) UTF-8 ALL", "UID SORT (SUBJECT) UTF-8 TEXT needle",
	"SORT (DISPLAYFROM DISPLAYTO) UTF-8 ALL",
	"SORT RETURN (PARTIAL 2:5) (SUBJECT) UTF-8 ALL",
	"THREAD REFERENCES UTF-8 ALL", "THREAD ORDEREDSUBJECT UTF-8 ALL",
	"THREAD REFS UTF-8 BODY needle", "UID THREAD REFERENCES UTF-8 TEXT order",
}

// Conversations: what one command does to the next.
var conversations = []script{
	{name: "seen", writes: true, lines: []string{
		"FETCH 9:* BODY[]<0.10>", "FETCH 1:* FLAGS", "FETCH 10:12 RFC822",
		"FETCH 13 (RFC822.TEXT)", "FETCH 14 (BODY[TEXT] FLAGS)",
		"FETCH 15 (BINARY[1])", "FETCH 1:* FLAGS"}},
	{name: "search-save", lines: []string{
		"SEARCH RETURN (SAVE) BODY needle", "FETCH $ (UID BODY.PEEK[TEXT]<0.9>)",
		"SEARCH $ BODY order", "UID FETCH $ (ENVELOPE)"}},
	{name: "copy-after-prefetch", writes: true, lines: []string{
		"UID FETCH 1:9 (BODY.PEEK[])", "UID COPY 2,4,6 Other",
		"UID FETCH 1:9 (BODY.PEEK[TEXT])", "SELECT Other",
		"FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])",
		"SEARCH BODY needle"}},
	{name: "copy-cold", writes: true, lines: []string{
		"COPY 1:* Other", "SELECT Other",
		"FETCH 1:* (UID INTERNALDATE RFC822.SIZE BODY.PEEK[])"}},
	{name: "move", writes: true, lines: []string{
		"FETCH 1:8 (ENVELOPE)", "MOVE 2:4 Other",
		"FETCH 1:* (UID BODY.PEEK[TEXT]<0.30>)", "UID MOVE 8:9 Other",
		"SEARCH TEXT needle", "SELECT Other",
		"FETCH 1:* (UID BODY.PEEK[])"}},
	{name: "expunge", writes: true, lines: []string{
		`STORE 1,3,5 +FLAGS (\Deleted)`, "FETCH 1:6 (FLAGS BODY.PEEK[])",
		"EXPUNGE", "FETCH 1:* (UID BODY.PEEK[TEXT])", `UID STORE 6,8 +FLAGS ` +
			`(\Deleted)`, "UID EXPUNGE 6", "SEARCH BODY needle",
		"CLOSE", "SELECT INBOX", "FETCH 1:* (UID ENVELOPE)"}},
	{name: "append", writes: true, lines: []string{
		"APPEND INBOX {38+}\r\nSubject: appended\r\n\r\nneedle of today\r\n",
		"NOOP", "FETCH * (BODY.PEEK[] RFC822.SIZE ENVELOPE)",
		"APPEND INBOX (\\Seen) {24+}\r\nSubject: two\r\n\r\nneedle\r\n",
		"FETCH * (UID FLAGS BODY.PEEK[])", "SEARCH BODY needle"}},
	{name: "catenate", writes: true, lines: []string{
		"APPEND Other CATENATE (URL \"/INBOX/;UID=4/;SECTION=HEADER\" " +
			"TEXT {6+}\r\nabcd\r\n)",
		"SELECT Other", "FETCH 1:* (UID BODY.PEEK[])"}},
	{name: "virtual", unselected: true, lines: []string{
		"SELECT virtual/seen", "FETCH 1:* (UID BODY.PEEK[])",
		"FETCH 1:* (ENVELOPE RFC822.SIZE X-MAILBOX)", "SEARCH BODY needle",
		"SELECT virtual/all", "FETCH 1:9 (UID BODY.PEEK[HEADER])",
		"SEARCH TEXT needle", "UID SORT (SUBJECT) UTF-8 BODY needle",
		"UNSELECT"}},
	{name: "examine", unselected: true, lines: []string{
		"EXAMINE INBOX", "FETCH 1:* BODY[]", "FETCH 1:* FLAGS", "UNSELECT",
		"FETCH 1 FLAGS", "SELECT INBOX", "FETCH 1:3 (BODY.PEEK[1.MIME])"}},
	{name: "pipelined", lines: []string{"!pipeline",
		"FETCH 1:9 (UID BODY.PEEK[])", "NOOP", "FETCH 3:5 (BODYSTRUCTURE)",
		"SEARCH TEXT needle", "UID FETCH 2 (BODY.PEEK[TEXT])", "FETCH 1 NONSENSE",
		"CHECK", "SEARCH BODY order", "FETCH 1:* (ENVELOPE)", "NOOP"}},
	{name: "pipelined-writes", writes: true, lines: []string{"!pipeline",
		"FETCH 1:9 (UID BODY[])", `STORE 2:4 +FLAGS (\Deleted)`,
		"FETCH 1:5 (FLAGS BODY.PEEK[HEADER])", "EXPUNGE",
		"FETCH 1:5 (UID BODY.PEEK[TEXT])", "COPY 1:3 Other", "SELECT Other",
		"FETCH 1:* (BODY.PEEK[])", "SELECT INBOX", "SEARCH BODY needle"}},
	{name: "idle", lines: []string{
		"FETCH 1:3 (BODY.PEEK[])", "!idle", "FETCH 4:6 (BODY.PEEK[])"}},
	{name: "compressed-stream", lines: []string{
		"STATUS Other (MESSAGES UIDNEXT)", "FETCH 2 (BODY.PEEK[])",
		"STATUS INBOX (MESSAGES UNSEEN)", "SEARCH RETURN (COUNT) ALL"}},
}

// readScripts are those that don't write: each item once uncached, once cached.
func readScripts() []script {
	var all []script
	for _, item := range fetchItems {
		command := "FETCH 1:* (" + item + ")"
		switch item {
		case "ALL", "FAST", "FULL":
			command = "FETCH 1:* " + item
		case "BODY.PEEK[]":
			command = "UID FETCH 1:* BODY.PEEK[]"
		}
		all = append(all, script{name: item, lines: []string{command, command},
			writes: item == "RFC822" || item == "RFC822.TEXT"})
	}
	for _, command := range fetchCombinations {
		all = append(all, script{name: command,
			lines: []string{command, command}})
	}
	return all
}

func searchScripts() []script {
	var all []script
	for _, command := range searches {
		all = append(all, script{name: command,
			lines: []string{command, command}})
	}
	return all
}

// mainItems are those that a store of an ordinary kind is asked for in a short
// run: each way of reading once.
var mainItems = map[string]bool{
	"BODY.PEEK[]": true, "BODY.PEEK[HEADER]": true, "BODY.PEEK[2.1]": true,
	"BODY.PEEK[HEADER.FIELDS (SUBJECT)]": true, "BODY.PEEK[]<37.300>": true,
	"BINARY.PEEK[1]": true, "BINARY.SIZE[3]": true, "ENVELOPE": true,
	"BODYSTRUCTURE": true, "RFC822.SIZE": true, "INTERNALDATE": true,
	"X-GUID": true, "FULL": true, "RFC822": true, "SNIPPET": true,
	"FETCH 1:* (X-GUID INTERNALDATE RFC822.SIZE BODY.PEEK[TEXT]<0.10>)": true,
	"SEARCH TEXT needle3": true, "SEARCH HEADER SUBJECT week": true,
	"SEARCH BODY project": true, "SEARCH LARGER 4000 BODY week": true,
	"SORT (SUBJECT) UTF-8 ALL": true, "SORT (REVERSE SIZE) UTF-8 ALL": true,
	"THREAD REFERENCES UTF-8 ALL": true,
	"copy-after-prefetch":         true, "move": true, "append": true, "virtual": true,
	"pipelined-writes": true,
}

// largeItems are what a short run asks of mails of 20 MB.
var largeItems = map[string]bool{
	"BODY.PEEK[]": true, "BODY.PEEK[]<100000.50>": true, "ENVELOPE": true,
	"RFC822.SIZE": true, "SEARCH TEXT needle3": true,
	"copy-after-prefetch": true,
}
