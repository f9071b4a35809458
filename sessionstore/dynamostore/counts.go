package dynamostore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/sessionstore"
)

// Demand is counted where it happens: in each task's record, and in an item for each
// broker. What does not last, a gravestone or a broker that has long been silent, is
// folded into the service's own item, skCounts. The two writes of a fold are not one: the
// service's item names the item that it has taken in last (in attribute "in"), which is
// counted there and no longer by itself, and only then is that one marked or removed. A
// fold that was cut short is finished by the next one.

// counts are a service's arrivals, departures, refusals and waiting users, summed over
// the items of one query.
type counts struct {
	total   autoscaler.Demand
	folded  string                  // the sort key of the item that the service's own took in last
	pending map[string]demandCounts // of items that may be the one folded
}

type demandCounts struct{ arrivals, departures, refusals int64 }

func (c *counts) arrived(arrivals, departures int64) {
	c.total.Arrivals += arrivals
	c.total.Departures += departures
}

// gravestone adds what came to a task that was forgotten, unless that was folded.
func (c *counts) gravestone(it item, r *sessionstore.Record) {
	if it[attrUncounted] == nil {
		return
	}
	arrivals, departures := r.Demand()
	c.await(it.sortKey(), demandCounts{arrivals, departures, 0})
}

func (c *counts) await(sk string, n demandCounts) {
	if c.pending == nil {
		c.pending = make(map[string]demandCounts)
	}
	c.pending[sk] = n
}

// add takes in the service's own item, or a broker's.
func (c *counts) add(it item, at, now time.Time) error {
	r := read(it)
	r.take(keyService)
	switch sk := r.text(keyItem); {
	case sk == skCounts:
		r.take(attrVersion)
		c.arrived(r.number("ar"), r.number("dp"))
		c.total.Refusals += r.number("rf")
		c.folded = r.text("in")
	case it.expired(now):
		return nil
	default:
		b := r.broker()
		if at.Sub(b.at) < sessionstore.DemandLife {
			c.total.Waiting += b.waiting
		}
		c.await(sk, demandCounts{refusals: b.refusals})
	}
	if err := r.done(); err != nil {
		return fmt.Errorf("item %s: %w", it.sortKey(), err)
	}
	return nil
}

// unfolded are the gravestones whose counts would go with them.
func (c *counts) unfolded() (sks []string) {
	for sk := range c.pending {
		if sk >= prefixTask && sk != c.folded {
			sks = append(sks, sk)
		}
	}
	slices.Sort(sks)
	return sks
}

// demand is the sum: the item that was folded last is in the service's own already.
func (c *counts) demand() autoscaler.Demand {
	for sk, n := range c.pending {
		if sk != c.folded {
			c.arrived(n.arrivals, n.departures)
			c.total.Refusals += n.refusals
		}
	}
	return c.total
}

// broker is what one source last said.
type broker struct {
	seq      int64
	waiting  int
	refusals int64
	at       time.Time // by the store's clock
}

func (r *reader) broker() broker {
	return broker{r.number("sq"), r.int("wt"), r.number("rf"), r.instant("at")}
}

// leftovers are gravestones that a pass has seen unfolded: whoever forgot those tasks died
// before the fold. The next Forget of this process folds them too.
type leftovers struct {
	mu sync.Mutex
	of map[autoscaler.ServiceID][]string
}

func (l *leftovers) set(id autoscaler.ServiceID, sks []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of[id] = sks
}

func (l *leftovers) take(id autoscaler.ServiceID) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	sks := l.of[id]
	delete(l.of, id)
	return sks
}

// foldAll folds a task that was forgotten, and those that others left.
func (s *Store) foldAll(ctx context.Context, ref autoscaler.TaskRef) error {
	err := s.fold(ctx, ref.Service, taskKey(ref))
	for _, sk := range s.leftovers.take(ref.Service) {
		if err == nil {
			err = s.fold(ctx, ref.Service, key(ref.Service, sk))
		}
	}
	return err
}

// foldTries bounds how often a fold begins anew because another one was faster.
const foldTries = 10

// fold takes the counts of an item that will not last into the service's own.
func (s *Store) fold(ctx context.Context, service autoscaler.ServiceID, k item) error {
	for range foldTries {
		done, err := s.foldOnce(ctx, service, k)
		if done || err != nil {
			return err
		}
	}
	return errors.New("other folds were faster, again and again")
}

// foldOnce folds one item, or finishes the fold before it. The service's item is read
// before the item that is folded: whoever folds that one in between changes the version.
func (s *Store) foldOnce(ctx context.Context, service autoscaler.ServiceID, k item) (done bool, err error) {
	own, err := s.get(ctx, key(service, skCounts))
	if err != nil {
		return false, err
	}
	r := read(own)
	version, last := r.number(attrVersion), r.text("in")
	if last != "" && last != k.sortKey() {
		if err := s.folded(ctx, key(service, last)); err != nil {
			return false, err
		}
	}
	it, err := s.get(ctx, k)
	if err != nil || it == nil {
		return true, err
	}
	if last == k.sortKey() {
		return true, s.folded(ctx, k)
	}
	n, ok := foldable(it)
	if !ok {
		return true, nil
	}
	switch err := s.takeIn(ctx, service, k, version, n); {
	case refused(err):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, s.folded(ctx, k)
}

// foldable returns an item's counts; false where they are folded.
func foldable(it item) (demandCounts, bool) {
	r := read(it)
	n := demandCounts{r.number("ar"), r.number("dp"), r.number("rf")}
	return n, it[attrUncounted] != nil || it.sortKey() < prefixTask
}

// takeIn adds to the service's own counts, and names the item that they come from.
func (s *Store) takeIn(ctx context.Context, service autoscaler.ServiceID, k item, version int64, n demandCounts) error {
	condition := "#v = :v"
	if version == 0 {
		condition = "attribute_not_exists(#v)"
	}
	values := writer{item{":in": k[keyItem]}}
	for name, value := range map[string]int64{":v": version, ":ar": n.arrivals, ":dp": n.departures, ":rf": n.refusals} {
		values.it[name] = decimal(value)
	}
	if version == 0 {
		delete(values.it, ":v")
	}
	values.it[":one"] = decimal(1)
	return s.update(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.name, Key: key(service, skCounts),
		UpdateExpression:          aws.String("SET #in = :in ADD #v :one, #ar :ar, #dp :dp, #rf :rf"),
		ConditionExpression:       &condition,
		ExpressionAttributeNames:  map[string]string{"#v": attrVersion, "#in": "in", "#ar": "ar", "#dp": "dp", "#rf": "rf"},
		ExpressionAttributeValues: values.it,
	})
}

// folded marks an item whose counts are in the service's own: a gravestone by leaving out
// that they are not, a broker's item by removing it.
func (s *Store) folded(ctx context.Context, k item) error {
	if k.sortKey() < prefixTask {
		_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.name, Key: k})
		return err
	}
	err := s.update(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.name, Key: k, UpdateExpression: aws.String("REMOVE #u"), ConditionExpression: aws.String("attribute_exists(#u)"),
		ExpressionAttributeNames: map[string]string{"#u": attrUncounted},
	})
	if refused(err) {
		return nil
	}
	return err
}

// refused reports that a write's condition did not hold.
func refused(err error) bool {
	var failed *types.ConditionalCheckFailedException
	return errors.As(err, &failed)
}

// ReportDemand implements sessionstore.DemandWriter.
func (s *Store) ReportDemand(ctx context.Context, d sessionstore.DemandReport) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.Check(); err != nil {
		return err
	}
	k, now := key(d.Service, prefixSource+escape(d.Source)), s.clock.now()
	err := s.update(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.name, Key: k,
		UpdateExpression:         aws.String("SET #sq = :sq, #wt = :wt, #at = :at ADD #rf :rf"),
		ConditionExpression:      aws.String("attribute_not_exists(#sq) OR #sq < :sq"),
		ExpressionAttributeNames: map[string]string{"#sq": "sq", "#wt": "wt", "#at": "at", "#rf": "rf"},
		ExpressionAttributeValues: item{
			":sq": decimal(d.Seq), ":wt": decimal(int64(max(0, d.Waiting))), ":rf": decimal(int64(max(0, d.Refusals))),
			":at": decimal(now.UnixNano()),
		},
	})
	switch {
	case refused(err): // a copy, or overtaken
		return nil
	case err != nil:
		return s.failed(ctx, "ReportDemand", d.Service, err)
	case d.Seq == 1:
		return s.dropSources(ctx, d.Service, now)
	}
	return nil
}

// dropSources folds the brokers that have long been silent, whenever a new one appears:
// their last numbers cannot arrive again.
func (s *Store) dropSources(ctx context.Context, service autoscaler.ServiceID, now time.Time) error {
	var silent []item
	err := s.pages(ctx, s.between(service, prefixSource, prefixSource+behind), func(it item) error {
		if b := read(it).broker(); now.Sub(b.at) > sessionstore.GravestoneLife {
			silent = append(silent, key(service, it.sortKey()))
		}
		return nil
	})
	for _, k := range silent {
		if err == nil {
			err = s.fold(ctx, service, k)
		}
	}
	if err != nil {
		return s.failed(ctx, "ReportDemand", service, err)
	}
	return nil
}
