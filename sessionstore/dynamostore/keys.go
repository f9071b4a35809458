package dynamostore

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// The key attributes of the table, and the attribute that its time to live is set on.
const (
	keyService = "pk"
	keyItem    = "sk"
	attrTTL    = "ttl"
)

// Sort keys begin with what the item is. Everything that a pass reads begins with
// "a#", so that it is one query.
const (
	prefixActivity = "a#"
	prefixTask     = "a#t#"
	prefixSource   = "a#s#"
	skCounts       = "a#c"
	prefixEnded    = "e#"
	prefixJournal  = "j#"
	skCheckpoint   = "s#checkpoint"
	skControl      = "s#control"
	// behind sorts behind whatever an escaped name can begin with.
	behind = "~"
)

// item is one item of the table.
type item map[string]types.AttributeValue

// key is the primary key of an item of a service.
func key(service autoscaler.ServiceID, sk string) item {
	return item{keyService: text(partition(service)), keyItem: text(sk)}
}

// partition is the partition key of all items of a service.
func partition(service autoscaler.ServiceID) string {
	return escape(service.Cluster) + "/" + escape(service.Name)
}

func taskKey(ref autoscaler.TaskRef) item {
	return key(ref.Service, prefixTask+escape(string(ref.Task)))
}

// escape writes a name as the path part of a URL is written: what is not plain is
// %XX. A name may hold any bytes and a key may not, and '#' and '/' part the keys.
func escape(name string) string { return strings.ReplaceAll(url.PathEscape(name), "~", "%7E") }

// taskOf returns the task that a sort key names, behind a prefix and up to the next '#'.
func taskOf(sk, prefix string) (autoscaler.TaskID, error) {
	rest, ok := strings.CutPrefix(sk, prefix)
	escaped, _, _ := strings.Cut(rest, "#")
	name, err := url.PathUnescape(escaped)
	if err != nil || !ok || name == "" {
		return "", fmt.Errorf("sort key %q names no task", sk)
	}
	return autoscaler.TaskID(name), nil
}

// sortable writes an instant so that text sorts as time does.
func sortable(at time.Time) string { return fmt.Sprintf("%020d", max(0, at.UnixNano())) }

// sortKey returns the sort key of an item that was read.
func (it item) sortKey() string {
	if s, ok := it[keyItem].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}
