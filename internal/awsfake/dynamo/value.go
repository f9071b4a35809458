package dynamo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"strings"
)

// Value is an attribute value in DynamoDB's JSON: exactly one field is set.
type Value struct {
	S    *string          `json:",omitzero"`
	N    *string          `json:",omitzero"`
	B    *[]byte          `json:",omitzero"`
	BOOL *bool            `json:",omitzero"`
	NULL *bool            `json:",omitzero"`
	M    map[string]Value `json:",omitzero"`
	L    []Value          `json:",omitzero"`
}

// Item is an item as it stands in a table.
type Item map[string]Value

// String and Number make values.
func String(s string) Value { return Value{S: &s} }

// Number is a value of a decimal number.
func Number(n string) Value { return Value{N: &n} }

// Binary is a value of bytes.
func Binary(b []byte) Value { return Value{B: &b} }

// digitsLimit is how many significant digits a number has at most.
const digitsLimit = 38

// check refuses a value that is not one, and writes a number as DynamoDB returns it.
func (v *Value) check() error {
	set := 0
	for _, is := range []bool{v.S != nil, v.N != nil, v.B != nil, v.BOOL != nil, v.NULL != nil, v.M != nil, v.L != nil} {
		if is {
			set++
		}
	}
	if set != 1 {
		return invalid("Supplied AttributeValue has %d types; must contain exactly one of the supported datatypes", set)
	}
	if v.N == nil {
		return nil
	}
	n, ok := new(big.Rat).SetString(*v.N)
	if !ok || strings.ContainsAny(*v.N, "/xX_") {
		return invalid("The parameter cannot be converted to a numeric value: %s", *v.N)
	}
	plain := decimal(n)
	if len(strings.Trim(strings.ReplaceAll(strings.TrimPrefix(plain, "-"), ".", ""), "0")) > digitsLimit {
		return invalid("Attempting to store more than 38 significant digits in a Number")
	}
	v.N = &plain
	return nil
}

// decimal writes a number without exponent and needless zeros.
func decimal(n *big.Rat) string {
	if n.IsInt() {
		return n.Num().String()
	}
	return strings.TrimRight(n.FloatString(130), "0")
}

func (v Value) number() *big.Rat {
	n, _ := new(big.Rat).SetString(*v.N)
	return n
}

// kind is the type's name.
func (v Value) kind() string {
	switch {
	case v.S != nil:
		return "S"
	case v.N != nil:
		return "N"
	case v.B != nil:
		return "B"
	case v.BOOL != nil:
		return "BOOL"
	case v.NULL != nil:
		return "NULL"
	case v.M != nil:
		return "M"
	}
	return "L"
}

// compare orders two values of one type that has an order; false otherwise.
func compare(a, b Value) (order int, ok bool) {
	switch {
	case a.S != nil && b.S != nil:
		return strings.Compare(*a.S, *b.S), true
	case a.N != nil && b.N != nil:
		return a.number().Cmp(b.number()), true
	case a.B != nil && b.B != nil:
		return bytes.Compare(*a.B, *b.B), true
	}
	return 0, false
}

// equal reports that two values are the same, type included.
func equal(a, b Value) bool {
	if order, ok := compare(a, b); ok {
		return order == 0
	}
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

// size is what a value counts for, in bytes.
func (v Value) size() (n int) {
	switch {
	case v.S != nil:
		return len(*v.S)
	case v.N != nil:
		digits := strings.ReplaceAll(strings.TrimPrefix(*v.N, "-"), ".", "")
		return (len(strings.Trim(digits, "0"))+1)/2 + 1
	case v.B != nil:
		return len(*v.B)
	case v.M != nil:
		n = 3
		for name, e := range v.M {
			n += len(name) + e.size() + 1
		}
	case v.L != nil:
		n = 3
		for _, e := range v.L {
			n += e.size() + 1
		}
	default:
		n = 1
	}
	return n
}

// itemLimit is the largest item, names included.
const itemLimit = 400 << 10

// Size is what an item counts for, in bytes.
func (it Item) Size() (n int) {
	for name, v := range it {
		n += len(name) + v.size()
	}
	return n
}

// Clone copies an item; values are never changed in place.
func (it Item) Clone() Item { return maps.Clone(it) }

// failure is an error as DynamoDB answers with it.
type failure struct {
	status  int
	code    string
	message string
	item    Item // of a failed condition
}

// Error returns code and message.
func (f *failure) Error() string { return f.code + ": " + f.message }

func invalid(format string, args ...any) error {
	return &failure{status: 400, code: "ValidationException", message: fmt.Sprintf(format, args...)}
}
