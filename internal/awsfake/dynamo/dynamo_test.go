package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/seed-979cce96/idlescale/internal/awsfake/dynamo"
)

type item = map[string]types.AttributeValue

func s(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
func n(v string) types.AttributeValue { return &types.AttributeValueMemberN{Value: v} }

func key(sk string) item { return item{"pk": s("p"), "sk": s(sk)} }

const name = "t"

func newServer(t *testing.T) (*dynamo.Server, *dynamodb.Client) {
	t.Helper()
	server := dynamo.New(dynamo.Config{Seed: 1})
	client := server.Client()
	create(t, client)
	server.Units()
	return server, client
}

func create(t *testing.T, client *dynamodb.Client) {
	t.Helper()
	_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String(name), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS}, {AttributeName: aws.String("sk"), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("sk"), KeyType: types.KeyTypeRange}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, client *dynamodb.Client, it item) {
	t.Helper()
	if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(name), Item: it}); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, client *dynamodb.Client, sk string, consistent bool) item {
	t.Helper()
	out, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String(name), Key: key(sk), ConsistentRead: &consistent})
	if err != nil {
		t.Fatal(err)
	}
	return out.Item
}

func number(t *testing.T, it item, attribute string) string {
	t.Helper()
	v, ok := it[attribute].(*types.AttributeValueMemberN)
	if !ok {
		t.Fatalf("%s is %T", attribute, it[attribute])
	}
	return v.Value
}

// update is one UpdateItem; names and values are those that the expressions hold.
func update(ctx context.Context, client *dynamodb.Client, change, condition string) error {
	in := &dynamodb.UpdateItemInput{
		TableName: aws.String(name), Key: key("a"), UpdateExpression: &change,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if condition != "" {
		in.ConditionExpression = &condition
	}
	for short, attribute := range map[string]string{"#a": "a", "#b": "b", "#pk": "pk", "#x": "x"} {
		if strings.Contains(change+condition, short) {
			if in.ExpressionAttributeNames == nil {
				in.ExpressionAttributeNames = map[string]string{}
			}
			in.ExpressionAttributeNames[short] = attribute
		}
	}
	values := item{":1": n("1"), ":2": n("2"), ":s": s("text"), ":long": n("123456789012345678901234567890123456789")}
	for short, v := range values {
		if strings.Contains(change+condition, short) {
			if in.ExpressionAttributeValues == nil {
				in.ExpressionAttributeValues = item{}
			}
			in.ExpressionAttributeValues[short] = v
		}
	}
	_, err := client.UpdateItem(ctx, in)
	return err
}

func TestUpdates(t *testing.T) {
	for _, c := range []struct{ change, condition, want string }{
		{"SET #a = :1, #b = :s", "", "1"},
		{"SET #a = :2", "#a = :1", "2"},
		{"SET #a = :2", "attribute_exists(#pk) AND #a < :2", "2"},
		{"ADD #a :2", "attribute_not_exists(#b) OR #b = :s", "3"},
		{"ADD #x :1 REMOVE #b", "attribute_exists(#b)", "1"},
		{"SET #a = :2", "#a >= :1 AND #a <= :1 AND #a <> :2", "2"},
		{"SET #a = :2", "#a > :2 OR #b = :s", "2"},
		{"SET #a = :2", "#x <> :1", "2"},
	} {
		_, client := newServer(t)
		put(t, client, item{"pk": s("p"), "sk": s("a"), "a": n("1"), "b": s("text")})
		if err := update(t.Context(), client, c.change, c.condition); err != nil {
			t.Errorf("%s if %s: %v", c.change, c.condition, err)
			continue
		}
		if got := number(t, get(t, client, "a", true), "a"); got != c.want {
			t.Errorf("%s if %s: a is %s, want %s", c.change, c.condition, got, c.want)
		}
	}
}

// A condition that does not hold changes nothing, brings the old item, and is paid for.
func TestConditionRefused(t *testing.T) {
	for _, condition := range []string{
		"#a = :2", "#a = :s", "#a < :s", "attribute_not_exists(#a)", "attribute_exists(#x)", "#x = :1", "#x < :1", "#a = :1 AND #a = :2", "#a > :1",
	} {
		server, client := newServer(t)
		put(t, client, item{"pk": s("p"), "sk": s("a"), "a": n("1"), "fill": s(strings.Repeat("x", 2000))})
		server.Units()
		err := update(t.Context(), client, "SET #b = :s", condition)
		var refused *types.ConditionalCheckFailedException
		if !errors.As(err, &refused) || len(refused.Item) != 4 {
			t.Errorf("%s: %v", condition, err)
		}
		if total, _ := server.Units(); total.Write != 2 {
			t.Errorf("%s cost %+v, want 2 write units", condition, total)
		}
		if it := get(t, client, "a", true); it["b"] != nil {
			t.Errorf("%s: written all the same", condition)
		}
	}
}

// What is not served, or not right, is refused by its name.
func TestRefusals(t *testing.T) {
	_, client := newServer(t)
	for _, c := range []struct{ change, condition, says string }{
		{"SET a = :1", "", `token: "a"`},
		{"SET #a.#b = :1", "", `token: "#a.#b"`},
		{"SET #a = #b", "", "Syntax error"},
		{"SET #a = :1 + :2", "", "Syntax error"},
		{"SET #pk = :s", "", "part of the key"},
		{"SET #a = :1, #a = :2", "", "overlap"},
		{"SET #a = :1 SET #b = :2", "", "only be used once"},
		{"DELETE #a :1", "", "Syntax error"},
		{"ADD #a :s", "", "Incorrect operand type"},
		{"SET #a = :1", "size(#a) > :1", "Syntax error"},
		{"SET #a = :1", "NOT #a = :1", "Syntax error"},
		{"SET #a = :1", "#a = :1 #b = :1", "Syntax error"},
		{"SET #a = :1", "begins_with(#a, :s)", "Syntax error"},
		{"SET #a = :missing", "", "not defined"},
		{"SET #missing = :1", "", "not defined"},
		{"SET #a = :long", "", "38 significant digits"},
	} {
		var failed interface{ ErrorCode() string }
		err := update(t.Context(), client, c.change, c.condition)
		if !errors.As(err, &failed) || failed.ErrorCode() != "ValidationException" || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s if %s: %v, want %q", c.change, c.condition, err, c.says)
		}
	}
	_, err := client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: aws.String(name), Key: key("a"), UpdateExpression: aws.String("SET #a = :1"),
		ExpressionAttributeNames: map[string]string{"#a": "a", "#more": "m"}, ExpressionAttributeValues: item{":1": n("1")},
	})
	if err == nil || !strings.Contains(err.Error(), "unused in expressions: keys: {#more}") {
		t.Errorf("an unused name: %v", err)
	}
	for what, call := range map[string]func() error{
		"an operation": func() error {
			_, err := client.ListTables(t.Context(), &dynamodb.ListTablesInput{})
			return err
		},
		"a field": func() error {
			_, err := client.Query(t.Context(), &dynamodb.QueryInput{TableName: aws.String(name), FilterExpression: aws.String("#a = :1")})
			return err
		},
		"a table": func() error {
			_, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("none"), Key: key("a")})
			return err
		},
		"a key": func() error {
			_, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String(name), Key: item{"pk": s("p")}})
			return err
		},
		"an empty key": func() error {
			_, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String(name), Key: item{"pk": s("p"), "sk": s("")}})
			return err
		},
		"too large an item": func() error {
			_, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{
				TableName: aws.String(name), Item: item{"pk": s("p"), "sk": s("a"), "a": s(strings.Repeat("x", 400<<10))},
			})
			return err
		},
		"a key twice": func() error {
			_, err := client.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{
				RequestItems: map[string]types.KeysAndAttributes{name: {Keys: []map[string]types.AttributeValue{key("a"), key("a")}}},
			})
			return err
		},
	} {
		if call() == nil {
			t.Errorf("%s that is not served, or not there, is taken", what)
		}
	}
}

// Sizes and units as the documentation has them, by hand: names and values count, a number
// by half its digits and one, and the larger of before and after is paid for.
func TestUnits(t *testing.T) {
	server, client := newServer(t)
	pay := func(what string, read, write float64) {
		t.Helper()
		if total, _ := server.Units(); total != (dynamo.Units{Read: read, Write: write}) {
			t.Errorf("%s cost %+v, want %v and %v", what, total, read, write)
		}
	}
	it := item{"pk": s("p"), "sk": s("a"), "n": n("1234"), "x": s(strings.Repeat("x", 1024-3-3-4-1))}
	put(t, client, it)
	if size := server.Items(name)[0].Size(); size != 1024 {
		t.Errorf("%d bytes, want 1024", size)
	}
	pay("a kilobyte", 0, 1)
	it["y"] = s("")
	put(t, client, it)
	pay("a byte more", 0, 2)
	delete(it, "x")
	put(t, client, it)
	pay("a shrinking write", 0, 2)
	get(t, client, "a", true)
	pay("a consistent read", 1, 0)
	get(t, client, "a", false)
	pay("another read", 0.5, 0)
	get(t, client, "none", true)
	pay("a read of nothing", 1, 0)
}

func query(t *testing.T, client *dynamodb.Client, backwards bool, limit int32) (sks []string, pages int) {
	t.Helper()
	in := &dynamodb.QueryInput{
		TableName: aws.String(name), KeyConditionExpression: aws.String("#pk = :pk AND #sk BETWEEN :a AND :b"), ScanIndexForward: aws.Bool(!backwards),
		ExpressionAttributeNames:  map[string]string{"#pk": "pk", "#sk": "sk"},
		ExpressionAttributeValues: item{":pk": s("p"), ":a": s("b"), ":b": s("y")},
	}
	if limit > 0 {
		in.Limit = &limit
	}
	for {
		out, err := client.Query(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, it := range out.Items {
			sks = append(sks, it["sk"].(*types.AttributeValueMemberS).Value)
		}
		if out.LastEvaluatedKey == nil {
			return sks, pages
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

func TestQuery(t *testing.T) {
	_, client := newServer(t)
	for _, sk := range []string{"z", "c", "a", "b", "y", "x"} {
		put(t, client, item{"pk": s("p"), "sk": s(sk)})
		put(t, client, item{"pk": s("q"), "sk": s(sk)})
	}
	for _, limit := range []int32{0, 1, 2, 3} {
		if sks, _ := query(t, client, false, limit); fmt.Sprint(sks) != "[b c x y]" {
			t.Errorf("limit %d: %v", limit, sks)
		}
		if sks, _ := query(t, client, true, limit); fmt.Sprint(sks) != "[y x c b]" {
			t.Errorf("backwards, limit %d: %v", limit, sks)
		}
	}
	for i := range 9 {
		put(t, client, item{"pk": s("p"), "sk": s(fmt.Sprint("d", i)), "x": s(strings.Repeat("x", 300<<10))})
	}
	if sks, pages := query(t, client, false, 0); len(sks) != 13 || pages != 3 {
		t.Errorf("%d items of 300 KB and four small ones in %d pages, want three a megabyte", len(sks), pages)
	}
}

// The client asks again after what passes, in virtual time; a reply that is lost is an
// effect all the same, and one that is late comes when it is let.
func TestFaults(t *testing.T) {
	for fault, want := range map[dynamo.Fault]string{
		dynamo.FaultThrottle: "1", dynamo.FaultInternal: "1", dynamo.FaultRequest: "1", dynamo.FaultReply: "2", dynamo.FaultLate: "2",
	} {
		synctest.Test(t, func(t *testing.T) {
			server, client := newServer(t)
			first := true
			server.SetFaults(func(string) dynamo.Fault {
				if first {
					first = false
					return fault
				}
				return dynamo.FaultNone
			})
			if err := update(t.Context(), client, "ADD #a :1", ""); err != nil {
				t.Errorf("%s: %v", fault, err)
			}
			server.Release()
			if got := number(t, get(t, client, "a", true), "a"); got != want {
				t.Errorf("%s: counted %s, want %s", fault, got, want)
			}
		})
	}
}

// A conflict with a transaction is the caller's own business: the client does not ask again.
func TestConflict(t *testing.T) {
	server, client := newServer(t)
	server.SetFaults(func(string) dynamo.Fault { return dynamo.FaultConflict })
	var conflict *types.TransactionConflictException
	if err := update(t.Context(), client, "ADD #a :1", ""); !errors.As(err, &conflict) {
		t.Errorf("%v", err)
	}
}

func TestStaleReads(t *testing.T) {
	server, client := newServer(t)
	server.SetFaults(func(string) dynamo.Fault { return dynamo.FaultStale })
	old := 0
	for i := range 50 {
		put(t, client, item{"pk": s("p"), "sk": s("a"), "a": n(fmt.Sprint(i))})
		if got := number(t, get(t, client, "a", true), "a"); got != fmt.Sprint(i) {
			t.Fatalf("a consistent read shows %s after %d", got, i)
		}
		if it := get(t, client, "a", false); it == nil || number(t, it, "a") != fmt.Sprint(i) {
			old++
		}
	}
	if old < 40 {
		t.Errorf("%d of 50 reads that may be old were", old)
	}
}

func TestExpire(t *testing.T) {
	server, client := newServer(t)
	for sk, at := range map[string]time.Time{"gone": time.Now().Add(-time.Minute), "there": time.Now().Add(time.Hour)} {
		put(t, client, item{"pk": s("p"), "sk": s(sk), "ttl": n(fmt.Sprint(at.Unix()))})
	}
	if len(server.Items(name)) != 2 {
		t.Error("an item is removed by the clock alone")
	}
	server.Expire(name)
	if get(t, client, "gone", true) != nil || get(t, client, "there", true) == nil {
		t.Error("removed the wrong one")
	}
}

// Of increments under a condition at once, none is lost.
func TestAtomic(t *testing.T) {
	_, client := newServer(t)
	put(t, client, item{"pk": s("p"), "sk": s("a"), "a": n("0")})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				if err := update(t.Context(), client, "ADD #a :1", "attribute_exists(#a)"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := number(t, get(t, client, "a", true), "a"); got != "160" {
		t.Errorf("counted %s, want 160", got)
	}
}

func TestTableIsMadeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := dynamo.New(dynamo.Config{CreateTime: time.Minute})
		client := server.Client()
		create(t, client)
		var there *types.ResourceInUseException
		_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{TableName: aws.String(name)})
		if !errors.As(err, &there) {
			t.Errorf("made again: %v", err)
		}
		out, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(name)})
		if err != nil || out.Table.TableStatus != types.TableStatusCreating {
			t.Errorf("at first: %+v, %v", out, err)
		}
		if _, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String(name), Key: key("a")}); err == nil {
			t.Error("read while it is made")
		}
		time.Sleep(time.Minute)
		get(t, client, "a", true)
	})
}
