package storetest

import (
	"encoding/json"
	"fmt"
)

// compare tells how two values differ in the form in which they are stored and
// shown, or nothing. It compares by JSON, where two times are equal that are the
// same instant.
func compare(got, want any) string {
	g, gerr := json.Marshal(got)
	w, werr := json.Marshal(want)
	if gerr != nil || werr != nil {
		return fmt.Sprintf("not comparable: %v, %v", gerr, werr)
	}
	if string(g) == string(w) {
		return ""
	}
	return fmt.Sprintf("got  %s\nwant %s", g, w)
}
