// Package dynamo is DynamoDB as the SDK's client sees it: the wire format, the expressions
// and the operations that a store uses, over tables in memory. It refuses whatever else it
// is asked, by name: a fake that guesses makes tests that prove the guess.
//
// The real client reaches it through a RoundTripper in the same process, so that its
// retries and time-outs are under test and run in virtual time inside a synctest bubble.
//
// What it takes from DynamoDB: each request is atomic; a condition that fails brings the
// old item if asked for; every name and value of an expression is used, or the request is
// refused; an item has at most 400 KB, by DynamoDB's own rules of size; a page of a query
// ends at a megabyte; capacity units are counted, for a refused write too; what is not
// read strongly consistent may be old; expired items are there until they are removed.
// What it leaves out: bare attribute names in expressions, which could be reserved words;
// paths into documents; filters; sets; transactions; indexes.
package dynamo
