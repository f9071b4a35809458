package main

import (
	"strconv"

	"github.com/hashicorp/go-hclog"
	plugin "github.com/hashicorp/nomad-autoscaler/plugins/builtin/strategy/target-value/plugin"
	"github.com/hashicorp/nomad-autoscaler/sdk"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// nomad is Nomad Autoscaler's target-value strategy, its own code, fed the share of
// slots in use.
type nomad struct{ target float64 }

func (nomad) Name() string { return "nomad" }

func (p nomad) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	share, ok := occupied(s)
	if !ok {
		return s.Hold("no_metric")
	}
	strategy := plugin.NewTargetValuePlugin(hclog.NewNullLogger())
	count := int64(s.Totals.Capacity())
	eval, err := strategy.Run(&sdk.ScalingCheckEvaluation{
		Check: &sdk.ScalingPolicyCheck{Name: "slots", Strategy: &sdk.ScalingPolicyStrategy{
			Name: "target-value", Config: map[string]string{"target": strconv.FormatFloat(p.target, 'f', -1, 64)},
		}},
		Metrics: sdk.TimestampedMetrics{{Timestamp: s.At, Value: share}},
		Action:  &sdk.ScalingAction{},
	}, count)
	if err != nil || eval == nil || eval.Action.Direction == sdk.ScaleDirectionNone {
		return s.Hold("no_action")
	}
	return wants(s, float64(eval.Action.Count), "target_value", nil)
}
