package dynamostore

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Lists are packed into one binary attribute each: sixteen sessions, as many that ended,
// and the task's process fit into the kilobyte that one write unit pays for, which they
// would not as lists of maps. See the package documentation for the layout.

// packer writes numbers as varints, and strings behind their length.
type packer []byte

func (p *packer) uint(n uint64) { *p = binary.AppendUvarint(*p, n) }
func (p *packer) int(n int64)   { *p = binary.AppendVarint(*p, n) }

// text writes a string behind twice its length. Of a UUID in its usual form the sixteen
// bytes that it stands for are written, behind a 1: ids are most of a record.
func (p *packer) text(s string) {
	if raw, ok := uuid(s); ok {
		p.uint(1)
		*p = append(*p, raw...)
		return
	}
	p.uint(uint64(len(s)) << 1)
	*p = append(*p, s...)
}

// errTruncated says that a packed attribute ends in the middle of an entry.
var errTruncated = errors.New("ends in the middle of an entry")

// unpacker reads what a packer wrote. After the first error everything reads as zero.
type unpacker struct {
	left []byte
	err  error
}

func (u *unpacker) fail(err error) {
	if u.err == nil {
		u.err = err
	}
	u.left = nil
}

// more reports that another entry follows.
func (u *unpacker) more() bool { return u.err == nil && len(u.left) > 0 }

func (u *unpacker) uint() uint64 {
	n, size := binary.Uvarint(u.left)
	return took(u, n, size)
}

func (u *unpacker) int() int64 {
	n, size := binary.Varint(u.left)
	return took(u, n, size)
}

// took goes on behind a varint of the size given; 0 or less is none.
func took[N uint64 | int64](u *unpacker, n N, size int) N {
	if size <= 0 {
		u.fail(errTruncated)
		return 0
	}
	u.left = u.left[size:]
	return n
}

func (u *unpacker) text() string {
	n := u.uint()
	form, size := n&1, n>>1
	if form == 1 {
		if size != 0 {
			u.fail(fmt.Errorf("has a string of unknown form %d", n))
			return ""
		}
		size = 16
	}
	if size > uint64(len(u.left)) {
		u.fail(errTruncated)
		return ""
	}
	raw := u.left[:size]
	u.left = u.left[size:]
	if form == 1 {
		return uuidText(raw)
	}
	return string(raw)
}

// dashes are where a UUID's stand.
const uuidForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"

// uuid returns the bytes of a UUID in lower case with dashes; false for anything that
// would not be written back just so.
func uuid(s string) ([]byte, bool) {
	if len(s) != len(uuidForm) || strings.ToLower(s) != s {
		return nil, false
	}
	digits := make([]byte, 0, 32)
	for i := range len(s) {
		if uuidForm[i] == '-' {
			if s[i] != '-' {
				return nil, false
			}
			continue
		}
		digits = append(digits, s[i])
	}
	raw := make([]byte, 16)
	_, err := hex.Decode(raw, digits)
	return raw, err == nil
}

func uuidText(raw []byte) string {
	h := hex.EncodeToString(raw)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// flags packs booleans, the first one lowest.
func flags(set ...bool) (bits uint64) {
	for i, on := range set {
		if on {
			bits |= 1 << i
		}
	}
	return bits
}

// spread sets booleans from what flags packed, and fails where more bits are set.
func (u *unpacker) spread(bits uint64, to ...*bool) {
	for i, b := range to {
		*b = bits>>i&1 == 1
	}
	if bits>>len(to) != 0 {
		u.fail(fmt.Errorf("has flags %#x; %d are known", bits, len(to)))
	}
}

// The kinds of sessions and the causes of ends, by the number they are packed as.
func kinds() []string {
	return []string{string(sessionstore.SessionLive), string(sessionstore.SessionReserved), string(sessionstore.SessionDisconnected)}
}

func causes() []string {
	return []string{
		"", string(sessionstore.CauseEnd), string(sessionstore.CauseForced), string(sessionstore.CauseTask), string(sessionstore.CauseTime),
	}
}
