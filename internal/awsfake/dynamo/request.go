package dynamo

// request has every field of every operation that is served. Another one is refused by
// the decoder, with its name.
type request struct {
	TableName                           string
	Key, Item, ExclusiveStartKey        Item
	ConsistentRead                      bool
	UpdateExpression                    string
	ConditionExpression                 string
	KeyConditionExpression              string
	ProjectionExpression                string
	ExpressionAttributeNames            map[string]string
	ExpressionAttributeValues           map[string]Value
	ReturnValuesOnConditionCheckFailure string
	ScanIndexForward                    *bool
	Limit                               int
	RequestItems                        map[string]*keysRequest

	CreateTable
	TimeToLiveSpecification          *ttlSpecification
	PointInTimeRecoverySpecification *struct{ PointInTimeRecoveryEnabled bool }
}

// keysRequest asks for items of one table.
type keysRequest struct {
	Keys           []Item
	ConsistentRead bool
}

// CreateTable is what a table was made with, for tests to look at.
type CreateTable struct {
	AttributeDefinitions []struct{ AttributeName, AttributeType string } `json:",omitempty"`
	KeySchema            []struct{ AttributeName, KeyType string }       `json:",omitempty"`
	BillingMode          string                                          `json:",omitempty"`
	SSESpecification     *struct {
		Enabled bool
		SSEType string
	} `json:",omitempty"`
	DeletionProtectionEnabled bool `json:",omitempty"`
}

type ttlSpecification struct {
	AttributeName string
	Enabled       bool
}

// answer is the body of a response.
type answer map[string]any
