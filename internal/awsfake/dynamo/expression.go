package dynamo

import (
	"math/big"
	"strings"
)

// placeholders are a request's names and values, and which of them were used.
type placeholders struct {
	names  map[string]string
	values map[string]Value
	used   map[string]bool
}

func (r *request) placeholders() (*placeholders, error) {
	for name, v := range r.ExpressionAttributeValues {
		if err := v.check(); err != nil {
			return nil, err
		}
		r.ExpressionAttributeValues[name] = v
	}
	return &placeholders{r.ExpressionAttributeNames, r.ExpressionAttributeValues, map[string]bool{}}, nil
}

// unused refuses a request that defines what no expression names.
func (p *placeholders) unused() error {
	for name := range p.names {
		if !p.used[name] {
			return invalid("Value provided in ExpressionAttributeNames unused in expressions: keys: {%s}", name)
		}
	}
	for name := range p.values {
		if !p.used[name] {
			return invalid("Value provided in ExpressionAttributeValues unused in expressions: keys: {%s}", name)
		}
	}
	return nil
}

// parser reads one expression.
type parser struct {
	*placeholders
	what string // for messages
	left []string
}

func (p *placeholders) parse(what, text string) *parser {
	return &parser{p, what, tokens(text)}
}

// tokens cuts an expression into words and signs.
func tokens(text string) (out []string) {
	for text != "" {
		switch c := text[0]; {
		case c == ' ':
			text = text[1:]
		case strings.ContainsRune("(),=+-", rune(c)):
			out, text = append(out, text[:1]), text[1:]
		case c == '<' || c == '>':
			n := 1
			if len(text) > 1 && (text[1] == '=' || c == '<' && text[1] == '>') {
				n = 2
			}
			out, text = append(out, text[:n]), text[n:]
		default:
			n := strings.IndexAny(text, " (),=+-<>")
			if n < 0 {
				n = len(text)
			}
			out, text = append(out, text[:n]), text[n:]
		}
	}
	return out
}

func (p *parser) next() string {
	if len(p.left) == 0 {
		return ""
	}
	t := p.left[0]
	p.left = p.left[1:]
	return t
}

func (p *parser) at(word string) bool { return len(p.left) > 0 && strings.EqualFold(p.left[0], word) }

func (p *parser) take(word string) bool {
	if p.at(word) {
		p.left = p.left[1:]
		return true
	}
	return false
}

func (p *parser) wrong(near string) error {
	return invalid("Invalid %s: Syntax error; token: %q (a bare name, a path or a function that is not taken here)", p.what, near)
}

func (p *parser) expect(word string) error {
	if !p.take(word) {
		return p.wrong(p.next())
	}
	return nil
}

// name reads #name.
func (p *parser) name() (string, error) {
	t := p.next()
	if !strings.HasPrefix(t, "#") || strings.ContainsAny(t, ".[") {
		return "", p.wrong(t)
	}
	name, ok := p.names[t]
	if !ok {
		return "", invalid("Invalid %s: An expression attribute name used in the document path is not defined; attribute name: %s", p.what, t)
	}
	p.used[t] = true
	return name, nil
}

// value reads :value.
func (p *parser) value() (Value, error) {
	t := p.next()
	if !strings.HasPrefix(t, ":") {
		return Value{}, p.wrong(t)
	}
	v, ok := p.values[t]
	if !ok {
		return Value{}, invalid("Invalid %s: An expression attribute value used in expression is not defined; attribute value: %s", p.what, t)
	}
	p.used[t] = true
	return v, nil
}

// condition is a parsed condition; of an item that is not there, nothing is set.
type condition func(Item) bool

// condition reads OR of AND of terms, to the end.
func (p *parser) condition() (condition, error) {
	c, err := p.either()
	if err == nil && len(p.left) > 0 {
		err = p.wrong(p.next())
	}
	return c, err
}

func (p *parser) either() (condition, error) {
	c, err := p.all()
	for err == nil && p.take("OR") {
		var right condition
		left := c
		if right, err = p.all(); err == nil {
			c = func(it Item) bool { return left(it) || right(it) }
		}
	}
	return c, err
}

func (p *parser) all() (condition, error) {
	c, err := p.term()
	for err == nil && p.take("AND") {
		var right condition
		left := c
		if right, err = p.term(); err == nil {
			c = func(it Item) bool { return left(it) && right(it) }
		}
	}
	return c, err
}

// term reads a function of a name, or a comparison of a name with a value.
func (p *parser) term() (condition, error) {
	for _, f := range []struct {
		function string
		want     bool
	}{{"attribute_exists", true}, {"attribute_not_exists", false}} {
		if p.take(f.function) {
			return p.exists(f.want)
		}
	}
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	sign := p.next()
	holds, ok := signs()[sign]
	if !ok {
		return nil, p.wrong(sign)
	}
	v, err := p.value()
	return func(it Item) bool {
		own, there := it[name]
		if !there {
			return sign == "<>" // from whatever it is compared with, it differs
		}
		if sign == "=" || sign == "<>" {
			return equal(own, v) == (sign == "=")
		}
		order, comparable := compare(own, v)
		return comparable && holds(order)
	}, err
}

func signs() map[string]func(order int) bool {
	return map[string]func(int) bool{
		"=": func(o int) bool { return o == 0 }, "<>": func(o int) bool { return o != 0 },
		"<": func(o int) bool { return o < 0 }, "<=": func(o int) bool { return o <= 0 },
		">": func(o int) bool { return o > 0 }, ">=": func(o int) bool { return o >= 0 },
	}
}

func (p *parser) exists(want bool) (condition, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	return func(it Item) bool {
		_, there := it[name]
		return there == want
	}, p.expect(")")
}

// update is a parsed update: what it makes of an item.
type update func(Item) (Item, error)

// update reads the clauses SET, REMOVE and ADD, each at most once.
func (p *parser) update() (update, error) {
	var steps []func(old, next Item) error
	clauses, touched := map[string]bool{}, map[string]bool{}
	for len(p.left) > 0 {
		clause := strings.ToUpper(p.next())
		if clauses[clause] {
			return nil, invalid("Invalid UpdateExpression: The %q section can only be used once in an update expression", clause)
		}
		clauses[clause] = true
		for {
			name, err := p.name()
			if err != nil {
				return nil, err
			}
			if touched[name] {
				return nil, invalid("Invalid UpdateExpression: Two document paths overlap with each other; path: [%s]", name)
			}
			if name == partitionKey || name == sortKey {
				return nil, invalid("One or more parameter values were invalid: Cannot update attribute %s. This attribute is part of the key", name)
			}
			touched[name] = true
			step, err := p.action(clause, name)
			if err != nil {
				return nil, err
			}
			steps = append(steps, step)
			if !p.take(",") {
				break
			}
		}
	}
	return func(old Item) (Item, error) {
		next := old.Clone()
		for _, step := range steps {
			if err := step(old, next); err != nil {
				return nil, err
			}
		}
		return next, nil
	}, nil
}

// action reads what a clause does to one attribute.
func (p *parser) action(clause, name string) (func(old, next Item) error, error) {
	switch clause {
	case "SET":
		if err := p.expect("="); err != nil {
			return nil, err
		}
		v, err := p.value()
		return func(_, next Item) error {
			next[name] = v
			return nil
		}, err
	case "REMOVE":
		return func(_, next Item) error {
			delete(next, name)
			return nil
		}, nil
	case "ADD":
		v, err := p.value()
		if err == nil && v.N == nil {
			err = invalid("Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, operand type: %s", v.kind())
		}
		return func(old, next Item) error { return add(old, next, name, v) }, err
	}
	return nil, p.wrong(clause)
}

func add(old, next Item, name string, v Value) error {
	own, there := old[name]
	if !there {
		next[name] = v
		return nil
	}
	if own.N == nil {
		return invalid("An operand in the update expression has an incorrect data type")
	}
	sum := Number(decimal(new(big.Rat).Add(own.number(), v.number())))
	next[name] = sum
	return sum.check()
}

// span is a parsed key condition: one partition, and a range of its sort keys.
type span struct {
	partition string
	from, to  string // both included; to "" for no end
}

// keys reads #pk = :pk, alone or AND #sk BETWEEN :from AND :to.
func (p *parser) keys() (s span, err error) {
	if s.partition, err = p.keyEquals(partitionKey); err != nil || len(p.left) == 0 {
		return s, err
	}
	if err := p.expect("AND"); err != nil {
		return s, err
	}
	if name, err := p.name(); err != nil || name != sortKey {
		return s, invalid("Query key condition not supported")
	}
	if err := p.expect("BETWEEN"); err != nil {
		return s, err
	}
	if s.from, err = p.keyValue(); err != nil {
		return s, err
	}
	if err := p.expect("AND"); err != nil {
		return s, err
	}
	if s.to, err = p.keyValue(); err == nil && len(p.left) > 0 {
		err = p.wrong(p.next())
	}
	if err == nil && s.from > s.to {
		err = invalid("Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: {S:%s}, upper bound operand: {S:%s}", s.from, s.to)
	}
	return s, err
}

func (p *parser) keyEquals(key string) (string, error) {
	if name, err := p.name(); err != nil || name != key {
		return "", invalid("Query condition missed key schema element: %s", key)
	}
	if err := p.expect("="); err != nil {
		return "", err
	}
	return p.keyValue()
}

func (p *parser) keyValue() (string, error) {
	v, err := p.value()
	if err == nil && (v.S == nil || *v.S == "") {
		err = invalid("One or more parameter values were invalid: Condition parameter type does not match schema type")
	}
	if err != nil {
		return "", err
	}
	return *v.S, nil
}

// projection reads names, separated by commas; nil for every attribute.
func (p *parser) projection() (names []string, err error) {
	for len(p.left) > 0 {
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		names = append(names, name)
		if !p.take(",") && len(p.left) > 0 {
			return nil, p.wrong(p.next())
		}
	}
	return names, nil
}
