package policy

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// memories are those of a composition's members, by place and name.
type memories map[string]json.RawMessage

// unpack reads what pack wrote. Anything else counts as no memory: a policy
// that was put in another one's place begins anew.
func unpack(m autoscaler.Memory) memories {
	if len(m) == 0 || len(m) > autoscaler.MemoryLimit {
		return nil
	}
	var out memories
	if err := json.Unmarshal(m, &out); err != nil {
		return nil
	}
	return out
}

// pack writes the memories as one JSON object within the limit, and names those
// that it had to leave out: what is not JSON, then the largest until the rest
// fits. The greedy member pays, not its neighbours.
func (m memories) pack() (packed autoscaler.Memory, dropped []string) {
	for _, key := range sortedKeys(m) {
		if !json.Valid(m[key]) {
			dropped = append(dropped, key)
			delete(m, key)
		}
	}
	for len(m) > 0 {
		packed, err := json.Marshal(m)
		if err == nil && len(packed) <= autoscaler.MemoryLimit {
			return packed, dropped
		}
		key := m.largest()
		dropped = append(dropped, key)
		delete(m, key)
	}
	return nil, dropped
}

// largest names the longest memory, of several the first by name.
func (m memories) largest() string {
	keys := sortedKeys(m)
	found := keys[0]
	for _, key := range keys[1:] {
		if len(m[key]) > len(m[found]) {
			found = key
		}
	}
	return found
}

func sortedKeys(m memories) []string { return slices.Sorted(maps.Keys(m)) }

// carry puts a member's memory into that of the policy around it: own is what to
// write, and member the place in it. A memory that is not JSON, or leaves no
// room, is dropped with a reason; the policy's own never is.
func carry(d autoscaler.Decision, by string, own any, member *json.RawMessage) autoscaler.Decision {
	*member = d.Memory
	packed, err := json.Marshal(own)
	if err != nil || len(packed) > autoscaler.MemoryLimit {
		d.Reasons = append(d.Reasons, autoscaler.Reason{
			Code: CodeMemoryDropped, Severity: autoscaler.Notice, By: by, Detail: "of the member",
		})
		*member = nil
		if packed, err = json.Marshal(own); err != nil {
			packed = nil
		}
	}
	d.Memory = packed
	return d
}
