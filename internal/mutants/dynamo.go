package mutants

import "slices"

// dynamoMutants take away what makes a write to DynamoDB the store's one atomic write: its
// condition, what a refusal is decided by, what is remembered and in which order, and what
// an item says.
func dynamoMutants() []Mutant {
	own := []string{"./sessionstore/dynamostore"}
	file := func(name string, edits ...edit) []Mutant { return in("sessionstore/dynamostore/"+name, own, edits...) }
	return slices.Concat(
		file("write.go", dynamoWriteEdits()...),
		file("state.go", dynamoStateEdits()...),
		file("counts.go", dynamoCountEdits()...),
		file("beside.go",
			edit{"dynamo-ends-lagging", "what has ended is read strongly consistent", "in.ConsistentRead = aws.Bool(true)\n\terr := s.pages", "in.ConsistentRead = aws.Bool(false)\n\terr := s.pages"},
			edit{"dynamo-ends-too-late", "a session is looked for from when it began", "return b.began.Add(-2 * b.s.rules.Skew)", "return b.began.Add(time.Hour)"},
			edit{"dynamo-ends-from-anywhere", "where nobody knows when a session began, all that has ended is looked through",
				"if b.began.IsZero() {\n\t\treturn time.Time{}", "if b.began.IsZero() {\n\t\treturn b.now"},
			edit{"dynamo-kept-once", "what is given up anew, and differs, is kept anew", "if sk == c.kept {", "if c.kept != \"\" {"},
		),
		file("writer.go",
			edit{"dynamo-end-looks-once", "an end without a record looks again for one", "err != nil || !alone {", "err != nil || !alone || alone {"},
			edit{"dynamo-start-looks-once", "a start that makes the record looks again for the end", "if err != nil || !receipt.Registered {", "if err != nil || receipt.Version > 0 {"},
			edit{"dynamo-report-forgets", "what a report takes out of the record is kept beside it", "return r.Shed(), err", "r.Shed()\n\t\t\treturn nil, err"},
		),
		file("batch.go",
			edit{"dynamo-proof-lagging", "a proof is read strongly consistent (rule 7)", "ConsistentRead: aws.Bool(true)}", "ConsistentRead: aws.Bool(false)}"},
			edit{"dynamo-proof-in-part", "an answer in part is asked for again", "asked = out.UnprocessedKeys[s.name].Keys\n", "asked = nil\n"},
		),
		file("sessions.go",
			edit{"dynamo-unreadable-hidden", "a record that cannot be read is there, and busy", "activity.Tasks = append(activity.Tasks, autoscaler.TaskActivity{", "_ = append(activity.Tasks, autoscaler.TaskActivity{"},
			edit{"dynamo-gravestone-shown", "a gravestone is no task", "case r.State() == autoscaler.TaskGone:\n\t\t\tsum", "case r.State() == autoscaler.TaskGone && r.Version() < 0:\n\t\t\tsum"},
			edit{"dynamo-proof-of-gravestone", "a gravestone proves nothing", "if r.State() == autoscaler.TaskGone {", "if r.State() == autoscaler.TaskGone && r.Version() < 0 {"},
		),
		file("clock.go",
			edit{"dynamo-clock-slow", "a machine that is behind is told so by the table", "case c.known && c.lowest > 0:", "case c.known && c.lowest > time.Hour:"},
			edit{"dynamo-clock-fast", "a machine that is ahead is told so by the table", "case c.known && c.highest < 0:", "case c.known && c.highest < -time.Hour:"},
		),
		file("item.go", dynamoItemEdits()...),
		file("packed.go", dynamoPackedEdits()...),
		file("attributes.go",
			edit{"dynamo-unknown-attribute", "an attribute that is not known is refused: it may mean anything", "if r.err == nil && len(r.left) > 0 {", "if r.err == nil && len(r.left) > 1000 {"},
			edit{"dynamo-number-too-large", "a number that does not fit is refused", "if n != int64(int32(n)) && r.err == nil {", "if n != int64(int32(n)) && r.err != nil {"},
			edit{"dynamo-not-utf8", "an id of any bytes comes back as it was", "case utf8.ValidString(value):", "case utf8.ValidString(value) || value != \"\":"},
		),
		file("keys.go",
			edit{"dynamo-key-tilde", "every name lies within the range that is queried", `strings.ReplaceAll(url.PathEscape(name), "~", "%7E")`, "strings.TrimSpace(url.PathEscape(name))"},
		),
	)
}

func dynamoWriteEdits() []edit {
	return []edit{
		{"dynamo-any-version", "a record is written only at the version that was read (law 5)",
			"return e.equals(from, attrVersion) + \" AND \" + e.equals(from, attrRegistered)", "return e.equals(from, attrRegistered)"},
		{"dynamo-made-twice", "a record is made only where there is none (rule 1)",
			"\tif from == nil {\n\t\treturn e.equals(from, keyService)\n\t}", "\tif from == nil {\n\t\treturn \"attribute_not_exists(\" + e.name(\"none\") + \")\"\n\t}"},
		{"dynamo-another-life", "a record that was made anew is another one", "+ \" AND \" + e.equals(from, attrRegistered)", ""},
		{"dynamo-refused-by-memory", "nobody is refused by what a process remembers",
			"if err != nil || r.Version() == version {\n\t\tif !fresh {", "if err != nil || r.Version() == version {\n\t\tif !fresh && version < 0 {"},
		{"dynamo-missing-by-memory", "that there is no record is read, not remembered",
			"\tif r == nil {\n\t\tif !fresh {", "\tif r == nil {\n\t\tif !fresh && version < 0 {"},
		{"dynamo-lost-reply", "a write whose reply was lost is known by what stands there",
			"case reflect.DeepEqual(found.item, next.item):", "case found.item == nil:"},
		{"dynamo-lost-request", "a write that did not happen is not said to have",
			"case refused == nil:\n\t\treturn nil, s.failed(ctx, c.op, c.ref, err)", "case refused == nil:\n\t\treturn nil, nil"},
		{"dynamo-spill-last", "what a record gives up is written before the record",
			"if err := s.keep(ctx, c, ended, terms.Now); err != nil {", "if err := s.keep(ctx, c, ended[:0], terms.Now); err != nil {"},
		{"dynamo-lookup-failed", "where it cannot be told whether a session has ended, nothing is written",
			"if spilled.err != nil {", "if spilled.err != nil && version < 0 {"},
		{"dynamo-read-lagging", "what decides is read strongly consistent (rule 7)", "Key: k, ConsistentRead: aws.Bool(true)})", "Key: k, ConsistentRead: aws.Bool(false)})"},
		{"dynamo-removed-stays", "an attribute that is empty now is removed", "if to[name] == nil {", "if to[name] == nil && name == \"\" {"},
		{"dynamo-expired-lives", "a gravestone past its time is none", "if base.record != nil && !base.item.expired(terms.Now) {", "if base.record != nil {"},
		{"dynamo-gravestone-for-ever", "a gravestone has a time to live", "w.number(attrTTL, terms.Now.Add(sessionstore.GravestoneLife).Unix())", "_ = sessionstore.GravestoneLife"},
		{"dynamo-conflict-fails", "a transaction of somebody else's is waited for", "|| try == conflictTries {", "|| try >= 0 {"},
	}
}

func dynamoStateEdits() []edit {
	return []edit{
		{"dynamo-save-any-revision", "a checkpoint replaces only the one that was loaded (law 5)",
			"condition, values[\":v\"] = \"#v = :v\", decimal(expected)", "condition, values[\":v\"] = \"#v >= :v\", decimal(0)"},
		{"dynamo-save-first-twice", "of two first checkpoints one loses", "condition, values := \"attribute_not_exists(#v)\", item{", "condition, values := \"attribute_not_exists(#v) OR attribute_exists(#v)\", item{"},
		{"dynamo-save-unmarked", "two controllers that save the same words are two", "case bytes.Equal(read(found).bytes(\"mk\"), mark):", "case read(found).number(attrVersion) == expected+1 || bytes.Equal(mark, nil):"},
		{"dynamo-save-lost-reply", "a save whose reply was lost is known by its mark", "case bytes.Equal(read(found).bytes(\"mk\"), mark):", "case bytes.Equal(mark, nil) || len(found) < 0:"},
		{"dynamo-heard-for-ever", "when a controller was heard of is asked again", "now.Sub(known.asked).Abs() < heardFor {", "now.Sub(known.asked).Abs() >= 0 {"},
	}
}

func dynamoCountEdits() []edit {
	return []edit{
		{"dynamo-demand-twice", "a report of demand counts once", "attribute_not_exists(#sq) OR #sq < :sq", "attribute_not_exists(#sq) OR #sq <= :sq"},
		{"dynamo-demand-overtaken", "a report that was overtaken counts nothing", "attribute_not_exists(#sq) OR #sq < :sq", "attribute_not_exists(#sq) OR #sq <> :sq"},
		{"dynamo-fold-twice", "what is folded is counted once", "if sk != c.folded {", "if sk != \"\" {"},
		{"dynamo-fold-lost", "a fold that was cut short is finished", "if last != \"\" && last != k.sortKey() {", "if last == \"none\" && last != k.sortKey() {"},
		{"dynamo-fold-left", "what somebody else forgot to fold is folded", "range s.leftovers.take(ref.Service) {", "range s.leftovers.take(ref.Service)[:0] {"},
		{"dynamo-gravestone-uncounted", "what came to a task that was forgotten counts on", "if it[attrUncounted] == nil {", "if it[attrUncounted] != nil {"},
		{"dynamo-waiting-for-ever", "users who wait count for five minutes", "if at.Sub(b.at) < sessionstore.DemandLife {", "if b.seq > 0 {"},
	}
}

func dynamoItemEdits() []edit {
	return []edit{
		{"dynamo-newer-form", "a newer form is refused before anything else is read", "if err := sessionstore.CheckRecordVersion(form); err != nil {", "if err := sessionstore.CheckRecordVersion(0); err != nil {"},
		{"dynamo-unknown-flag", "a flag that is not known is refused", "if !ok {\n\t\t\tr.fail(\"fl\"", "if !ok && letter == 0 {\n\t\t\tr.fail(\"fl\""},
		{"dynamo-unknown-kind", "a kind of session that is not known is refused", "if kind >= len(kinds()) || bits", "if kind > len(kinds()) || bits"},
		{"dynamo-unknown-process", "a process that is not known lists nothing", "|| bits>>(3+len(known)) != 0 {", "{"},
		{"dynamo-admitted", "whether a call admitted a session is written", "| flags(s.Admitted)<<2", ""},
		{"dynamo-listed", "which processes list a session is written", "bits |= 1 << (3 + i)", "bits |= 0 << (3 + i)"},
		{"dynamo-clock-off", "a process whose clock is off is written as such", "p.uint(flags(k.Closed, k.ClockOff, k.Left,", "p.uint(flags(k.Closed, false, k.Left,"},
		{"dynamo-acknowledged", "what a process acknowledged is written", "p.text(string(k.Acknowledged))", "p.text(\"\")"},
		{"dynamo-flags", "what a record has been through is written", "w.text(\"fl\", letters(&d))", "w.text(\"fl\", \"\")"},
		{"dynamo-owner", "whose a record is is written", "w.text(\"o\", string(d.Owner))", "w.text(\"o\", \"\")"},
		{"dynamo-operator", "who asked for a drain is written", "w.text(\"db\", string(d.Drain.By))", "w.text(\"db\", \"\")"},
		{"dynamo-reopened", "which drain was ended is written", "w.text(\"re\", string(d.Reopened))", "w.text(\"re\", \"\")"},
		{"dynamo-departures", "what ended on a task is written", "w.number(\"dp\", d.Departures)", "w.number(\"dp\", 0)"},
		{"dynamo-unknown-cause", "a cause that is not known is refused", "\t\tdefault:\n\t\t\tu.fail(fmt.Errorf(\"has the cause", "\t\tdefault:\n\t\t\t_ = (fmt.Errorf(\"has the cause"},
		{"dynamo-expired", "what has expired is none", "return err == nil && seconds <= now.Unix()", "return err == nil && seconds <= 0"},
	}
}

func dynamoPackedEdits() []edit {
	return []edit{
		{"dynamo-uuid-case", "an id is packed as a UUID only where it is written back the same", "|| strings.ToLower(s) != s {", "|| strings.ToLower(s) == \"\" {"},
		{"dynamo-uuid-dashes", "an id whose dashes stand elsewhere is no UUID", "if s[i] != '-' {", "if s[i] == 0 {"},
		{"dynamo-truncated-number", "a number that ends too early is refused", "if size <= 0 {\n\t\tu.fail(errTruncated)", "if size <= 0 {\n\t\tu.left = nil"},
		{"dynamo-string-form", "a string of an unknown form is refused", "if size != 0 {\n\t\t\tu.fail", "if size > 1<<62 {\n\t\t\tu.fail"},
		{"dynamo-process-flags", "a flag of a process that is not known is refused", "if bits>>len(to) != 0 {", "if bits>>len(to) > 1<<60 {"},
	}
}
