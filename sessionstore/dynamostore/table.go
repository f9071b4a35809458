package dynamostore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// TableDefinition is what a table must be, for infrastructure code in any language.
type TableDefinition struct {
	PartitionKey        string `json:"partition_key"`          // a string
	SortKey             string `json:"sort_key"`               // a string
	TimeToLive          string `json:"time_to_live"`           // the attribute, a number of Unix seconds
	BillingMode         string `json:"billing_mode"`           // on demand: a service's load has no floor to provision for
	Encrypted           bool   `json:"encrypted"`              // at rest, with a key in the account
	PointInTimeRecovery bool   `json:"point_in_time_recovery"` // a record that is lost is a task nobody may stop
	DeletionProtection  bool   `json:"deletion_protection"`
}

// Definition returns what a table must be.
func Definition() TableDefinition {
	return TableDefinition{
		PartitionKey: keyService, SortKey: keyItem, TimeToLive: attrTTL, BillingMode: string(types.BillingModePayPerRequest),
		Encrypted: true, PointInTimeRecovery: true, DeletionProtection: true,
	}
}

// tableWait bounds how long EnsureTable waits for a table to become active.
const tableWait = 5 * time.Minute

// EnsureTable makes the table if it is not there, waits until it can be used, and turns
// on its time to live and its recovery to a point in time where they are off. It changes
// nothing else of a table that is there, and refuses one whose keys are others. Called
// again, or by two at once, it does the same.
func EnsureTable(ctx context.Context, api TableAPI, name string) error {
	err := ensure(ctx, api, name)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return &autoscaler.Error{
		Op: "dynamostore.EnsureTable", Ref: name, Err: err,
		Hint: "the caller needs the actions of TablePolicy; what was done already is kept, and calling again goes on",
	}
}

func ensure(ctx context.Context, api TableAPI, name string) error {
	d, err := describe(ctx, api, name)
	if err != nil {
		return err
	}
	if d == nil {
		if err := create(ctx, api, name); err != nil {
			return err
		}
	}
	if d, err = await(ctx, api, name); err != nil {
		return err
	}
	if err := fits(d); err != nil {
		return err
	}
	if err := expires(ctx, api, name); err != nil {
		return err
	}
	return recovers(ctx, api, name)
}

// describe returns the table, nil where there is none.
func describe(ctx context.Context, api TableAPI, name string) (*types.TableDescription, error) {
	out, err := api.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	var none *types.ResourceNotFoundException
	switch {
	case errors.As(err, &none):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return out.Table, nil
}

func create(ctx context.Context, api TableAPI, name string) error {
	d := Definition()
	_, err := api.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingMode(d.BillingMode),
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: &d.PartitionKey, AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: &d.SortKey, AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: &d.PartitionKey, KeyType: types.KeyTypeHash}, {AttributeName: &d.SortKey, KeyType: types.KeyTypeRange},
		},
		SSESpecification:          &types.SSESpecification{Enabled: &d.Encrypted, SSEType: types.SSETypeKms},
		DeletionProtectionEnabled: &d.DeletionProtection,
	})
	var there *types.ResourceInUseException
	if errors.As(err, &there) { // somebody else was faster
		return nil
	}
	return err
}

// await waits until the table can be used.
func await(ctx context.Context, api TableAPI, name string) (*types.TableDescription, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, tableWait, errors.New("the table did not become active within five minutes"))
	defer cancel()
	for try := 0; ; try++ {
		d, err := describe(ctx, api, name)
		if err != nil {
			return nil, err
		}
		if d != nil && (d.TableStatus == types.TableStatusActive || d.TableStatus == types.TableStatusUpdating) {
			return d, nil
		}
		if err := pause(ctx, min(try+2, 8)); err != nil {
			return nil, errors.Join(err, context.Cause(ctx))
		}
	}
}

// fits refuses a table with other keys.
func fits(d *types.TableDescription) error {
	want := Definition()
	kinds := map[string]types.ScalarAttributeType{}
	for _, a := range d.AttributeDefinitions {
		kinds[aws.ToString(a.AttributeName)] = a.AttributeType
	}
	if len(d.KeySchema) == 2 && aws.ToString(d.KeySchema[0].AttributeName) == want.PartitionKey &&
		aws.ToString(d.KeySchema[1].AttributeName) == want.SortKey &&
		kinds[want.PartitionKey] == types.ScalarAttributeTypeS && kinds[want.SortKey] == types.ScalarAttributeTypeS {
		return nil
	}
	return fmt.Errorf("the table has other keys; want %s and %s, both strings: give another name, or make it anew", want.PartitionKey, want.SortKey)
}

// expires turns the time to live on. Of two that do so at once DynamoDB refuses one, which
// looks again.
func expires(ctx context.Context, api TableAPI, name string) error {
	on, err := expiring(ctx, api, name)
	if on || err != nil {
		return err
	}
	_, failed := api.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName: &name, TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(attrTTL), Enabled: aws.Bool(true)},
	})
	if failed == nil {
		return nil
	}
	if on, err = expiring(ctx, api, name); on {
		return nil
	}
	return errors.Join(failed, err)
}

// expiring reports that the time to live is on, and refuses another attribute than ours.
func expiring(ctx context.Context, api TableAPI, name string) (bool, error) {
	out, err := api.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	if err != nil {
		return false, err
	}
	d := out.TimeToLiveDescription
	if d == nil || d.TimeToLiveStatus != types.TimeToLiveStatusEnabled && d.TimeToLiveStatus != types.TimeToLiveStatusEnabling {
		return false, nil
	}
	if on := aws.ToString(d.AttributeName); on != attrTTL {
		return false, fmt.Errorf("the table's time to live is on attribute %s; want %s", on, attrTTL)
	}
	return true, nil
}

// recovers turns the recovery to a point in time on.
func recovers(ctx context.Context, api TableAPI, name string) error {
	out, err := api.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &name})
	if err != nil {
		return err
	}
	if d := out.ContinuousBackupsDescription; d != nil && d.PointInTimeRecoveryDescription != nil &&
		d.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus == types.PointInTimeRecoveryStatusEnabled {
		return nil
	}
	_, err = api.UpdateContinuousBackups(ctx, &dynamodb.UpdateContinuousBackupsInput{
		TableName: &name, PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(true)},
	})
	return err
}

// StorePolicy returns the least that a process needs that uses a store on the table, as an
// IAM policy document. A process that only writes sessions needs no more and no less.
func StorePolicy(tableARN string) string {
	return policyDocument(tableARN, "GetItem", "BatchGetItem", "Query", "UpdateItem", "PutItem", "DeleteItem")
}

// TablePolicy returns the least that a caller of [EnsureTable] needs.
func TablePolicy(tableARN string) string {
	return policyDocument(tableARN, "CreateTable", "DescribeTable", "DescribeTimeToLive", "UpdateTimeToLive",
		"DescribeContinuousBackups", "UpdateContinuousBackups")
}

type statement struct {
	Effect, Resource string
	Action           []string
}

func policyDocument(tableARN string, operations ...string) string {
	actions := make([]string, len(operations))
	for i, op := range operations {
		actions[i] = "dynamodb:" + op
	}
	body, _ := json.MarshalIndent(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", []statement{{"Allow", tableARN, actions}}}, "", "  ") // strings alone: it cannot fail
	return string(body)
}
