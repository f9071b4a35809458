package dynamostore_test

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
	"github.com/seed-979cce96/idlescale/internal/awsfake/dynamo"
	"github.com/seed-979cce96/idlescale/sessionstore"
	"github.com/seed-979cce96/idlescale/sessionstore/dynamostore"
)

// A store on a table. With AWS the client is dynamodb.NewFromConfig(config).
func ExampleNew() {
	ctx := context.Background()
	now := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC) // time.Now() outside examples
	client := dynamo.New(dynamo.Config{}).Client()
	if err := dynamostore.EnsureTable(ctx, client, "sessions"); err != nil {
		fmt.Println(err)
		return
	}
	store, err := dynamostore.New(dynamostore.Config{Client: client, Table: "sessions", Now: func() time.Time { return now }})
	if err != nil {
		fmt.Println(err)
		return
	}
	task := autoscaler.TaskRef{Service: autoscaler.ServiceID{Cluster: "rdp", Name: "gateway"}, Task: "0123abcd"}
	order, err := store.Report(ctx, sessionstore.Report{
		Ref: task, Process: "main", Boot: now.UnixMilli(), Seq: 1, At: now, Level: autoscaler.LevelA, Slots: 4,
	})
	fmt.Println("the task is", order.State, err)
	_, err = store.Begin(ctx, sessionstore.BeginRequest{Ref: task, Session: "ann", At: now})
	fmt.Println(err)
	// Output:
	// the task is new <nil>
	// sessionstore.Begin: rdp/gateway/0123abcd: task admits no sessions (the task is not open yet; take another task)
}

// ExampleStorePolicy prints what a broker or a controller needs.
func ExampleStorePolicy() {
	fmt.Println(dynamostore.StorePolicy("arn:aws:dynamodb:eu-west-1:111122223333:table/sessions"))
	// Output:
	// {
	//   "Version": "2012-10-17",
	//   "Statement": [
	//     {
	//       "Effect": "Allow",
	//       "Resource": "arn:aws:dynamodb:eu-west-1:111122223333:table/sessions",
	//       "Action": [
	//         "dynamodb:GetItem",
	//         "dynamodb:BatchGetItem",
	//         "dynamodb:Query",
	//         "dynamodb:UpdateItem",
	//         "dynamodb:PutItem",
	//         "dynamodb:DeleteItem"
	//       ]
	//     }
	//   ]
	// }
}
