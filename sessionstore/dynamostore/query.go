package dynamostore

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

// between is a query of a service's items whose sort keys lie between two, both
// included.
func (t *table) between(service autoscaler.ServiceID, from, to string) *dynamodb.QueryInput {
	return &dynamodb.QueryInput{
		TableName: &t.name, KeyConditionExpression: aws.String("#pk = :pk AND #sk BETWEEN :from AND :to"),
		ExpressionAttributeNames:  map[string]string{"#pk": keyService, "#sk": keyItem},
		ExpressionAttributeValues: item{":pk": text(partition(service)), ":from": text(from), ":to": text(to)},
	}
}

// errEnough ends a query without an error.
var errEnough = errors.New("dynamostore: enough was read")

// pages hands over every item that a query finds, page by page, so that no more than a
// megabyte is held. A page that cannot be read is the end of it: what was handed over is
// then no answer.
func (t *table) pages(ctx context.Context, in *dynamodb.QueryInput, each func(item) error) error {
	for {
		sent := t.clock.sent()
		out, err := t.client.Query(ctx, in)
		if err != nil {
			return err
		}
		t.clock.observe(sent, out.ResultMetadata)
		for _, it := range out.Items {
			if err := each(it); errors.Is(err, errEnough) {
				return nil
			} else if err != nil {
				return err
			}
		}
		if len(out.LastEvaluatedKey) == 0 {
			return nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}
