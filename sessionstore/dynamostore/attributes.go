package dynamostore

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func decimal(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// writer fills an item: what is empty is left out.
type writer struct{ it item }

func (w writer) text(name, value string) {
	switch {
	case value == "":
	case utf8.ValidString(value):
		w.it[name] = text(value)
	default: // a string attribute is UTF-8, an application's ids need not be
		w.it[name] = &types.AttributeValueMemberB{Value: []byte(value)}
	}
}

func (w writer) number(name string, n int64) {
	if n != 0 {
		w.it[name] = decimal(n)
	}
}

func (w writer) instant(name string, at time.Time) {
	if !at.IsZero() {
		w.it[name] = decimal(at.UnixNano())
	}
}

func (w writer) bytes(name string, b []byte) {
	if len(b) > 0 {
		w.it[name] = &types.AttributeValueMemberB{Value: b}
	}
}

// reader takes the attributes of an item one by one. What is left in the end is not
// understood, and the next write would contradict it.
type reader struct {
	left item
	err  error // the first thing that was wrong
}

func read(it item) *reader { return &reader{left: maps.Clone(it)} }

// take removes an attribute and returns it; nil where there is none.
func (r *reader) take(name string) types.AttributeValue {
	v := r.left[name]
	delete(r.left, name)
	return v
}

func (r *reader) wrong(name string, v types.AttributeValue, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("attribute %s is of type %s; want %s", name, typeOf(v), want)
	}
}

func (r *reader) text(name string) string {
	switch v := r.take(name).(type) {
	case nil:
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberB:
		return string(v.Value)
	default:
		r.wrong(name, v, "S, or B where it is not UTF-8")
	}
	return ""
}

func (r *reader) number(name string) int64 {
	v := r.take(name)
	if v == nil {
		return 0
	}
	digits, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		r.wrong(name, v, "N")
		return 0
	}
	n, err := strconv.ParseInt(digits.Value, 10, 64)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("attribute %s is %q; want a whole number of 64 bits", name, digits.Value)
	}
	return n
}

// int is number within what an int of 32 bits holds.
func (r *reader) int(name string) int {
	n := r.number(name)
	if n != int64(int32(n)) && r.err == nil {
		r.err = fmt.Errorf("attribute %s is %d; want a number of 32 bits", name, n)
		return 0
	}
	return int(n)
}

func (r *reader) instant(name string) time.Time {
	if r.left[name] == nil {
		return time.Time{}
	}
	return time.Unix(0, r.number(name)).UTC()
}

func (r *reader) bytes(name string) []byte {
	v := r.take(name)
	if v == nil {
		return nil
	}
	b, ok := v.(*types.AttributeValueMemberB)
	if !ok {
		r.wrong(name, v, "B")
		return nil
	}
	return b.Value
}

// done returns the first thing that was wrong, an attribute that nobody took included.
func (r *reader) done() error {
	if r.err == nil && len(r.left) > 0 {
		name := slices.Sorted(maps.Keys(r.left))[0]
		r.err = fmt.Errorf("attribute %s is not known; the next write would lose what it says", name)
	}
	return r.err
}

// typeOf is the type of an attribute as DynamoDB writes it.
func typeOf(v types.AttributeValue) string {
	switch v.(type) {
	case *types.AttributeValueMemberS:
		return "S"
	case *types.AttributeValueMemberN:
		return "N"
	case *types.AttributeValueMemberB:
		return "B"
	case *types.AttributeValueMemberBOOL:
		return "BOOL"
	case *types.AttributeValueMemberNULL:
		return "NULL"
	case *types.AttributeValueMemberM:
		return "M"
	case *types.AttributeValueMemberL:
		return "L"
	}
	return fmt.Sprintf("%T", v)
}
