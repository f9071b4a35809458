package dynamo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Client returns the SDK's client, which reaches the server without a socket.
func (s *Server) Client(options ...func(*dynamodb.Options)) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://dynamodb.invalid"),
		HTTPClient: &http.Client{Transport: transport{s}},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "fake", SecretAccessKey: "fake"}, nil
		}),
	}, options...)
}

type transport struct{ s *Server }

// errBroken is what a caller sees of a connection that broke.
var errBroken = errors.New("connection reset by peer")

// RoundTrip serves a request as a connection would.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	status, out, err := t.s.handle(operation, body)
	if err != nil {
		return nil, err
	}
	response := &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(out)), ContentLength: int64(len(out)), Request: r,
	}
	response.Header.Set("Content-Type", "application/x-amz-json-1.0")
	response.Header.Set("X-Amz-Crc32", fmt.Sprint(crc32.ChecksumIEEE(out)))
	response.Header.Set("X-Amzn-Requestid", "fake")
	response.Header.Set("Date", t.s.config.Now().UTC().Format(http.TimeFormat))
	return response, nil
}

// handle carries one request out as far as its fault lets it.
func (s *Server) handle(operation string, body []byte) (status int, out []byte, err error) {
	s.mu.Lock()
	before := s.before
	s.mu.Unlock()
	if before != nil {
		before(operation)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[operation]++
	fault := FaultNone
	if s.faults != nil {
		fault = s.faults(operation)
	}
	if len(s.late) > 0 && s.random.IntN(4) == 0 {
		effect := s.late[0]
		s.late = s.late[1:]
		effect()
	}
	switch fault {
	case FaultRequest:
		return 0, nil, errBroken
	case FaultLate:
		s.late = append(s.late, func() { _, _ = s.decodeAndServe(operation, body, false) })
		return 0, nil, errBroken
	case FaultNone, FaultThrottle, FaultInternal, FaultConflict, FaultReply, FaultStale:
	}
	if refused := fault.refusal(); refused != nil {
		return refused.wire()
	}
	a, err := s.decodeAndServe(operation, body, fault == FaultStale)
	switch {
	case fault == FaultReply:
		return 0, nil, errBroken
	case err == nil:
		out, err = json.Marshal(a)
		return http.StatusOK, out, err
	}
	var failed *failure
	if errors.As(err, &failed) {
		return failed.wire()
	}
	return 0, nil, err
}

func (s *Server) decodeAndServe(operation string, body []byte, stale bool) (answer, error) {
	var r request
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return nil, &failure{status: 400, code: "SerializationException", message: operation + ": " + err.Error()}
	}
	return s.serve(operation, &r, stale)
}

// wire writes an error as AWS does.
func (f *failure) wire() (status int, out []byte, err error) {
	body := answer{"__type": "com.amazonaws.dynamodb.v20120810#" + f.code, "message": f.message}
	if f.item != nil {
		body["Item"] = f.item
	}
	out, err = json.Marshal(body)
	return f.status, out, err
}
