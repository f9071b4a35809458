package dynamo

import "encoding/json"

func (s *Server) createTable(r *request, _ bool) (answer, error) {
	if s.tables[r.TableName] != nil {
		return nil, &failure{status: 400, code: "ResourceInUseException", message: "Table already exists: " + r.TableName}
	}
	keys, _ := json.Marshal(r.KeySchema)
	if string(keys) != `[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}]` || len(r.AttributeDefinitions) != 2 {
		return nil, invalid("only tables with the string keys pk and sk are served; got %s", keys)
	}
	s.tables[r.TableName] = &table{
		made: r.CreateTable, created: s.config.Now().UnixNano(), items: map[id][]state{}, sorted: map[string][]string{},
	}
	return s.described(r.TableName), nil
}

func (s *Server) describeTable(r *request, _ bool) (answer, error) {
	if s.tables[r.TableName] == nil {
		return nil, &failure{status: 400, code: "ResourceNotFoundException", message: "Requested resource not found: Table: " + r.TableName + " not found"}
	}
	d := s.described(r.TableName)
	return answer{"Table": d["TableDescription"]}, nil
}

func (s *Server) described(name string) answer {
	t, status := s.tables[name], "ACTIVE"
	if _, err := s.table(name); err != nil {
		status = "CREATING"
	}
	return answer{"TableDescription": answer{
		"TableName": name, "TableStatus": status, "KeySchema": t.made.KeySchema, "AttributeDefinitions": t.made.AttributeDefinitions,
		"TableArn": "arn:aws:dynamodb:us-east-1:000000000000:table/" + name,
	}}
}

func (s *Server) updateTimeToLive(r *request, _ bool) (answer, error) {
	t, err := s.table(r.TableName)
	if err != nil {
		return nil, err
	}
	if r.TimeToLiveSpecification == nil || t.ttl != "" {
		return nil, invalid("TimeToLive is already enabled, or no specification is given")
	}
	t.ttl = r.TimeToLiveSpecification.AttributeName
	return answer{"TimeToLiveSpecification": r.TimeToLiveSpecification}, nil
}

func (s *Server) describeTimeToLive(r *request, _ bool) (answer, error) {
	t, err := s.table(r.TableName)
	if err != nil {
		return nil, err
	}
	if t.ttl == "" {
		return answer{"TimeToLiveDescription": answer{"TimeToLiveStatus": "DISABLED"}}, nil
	}
	return answer{"TimeToLiveDescription": answer{"TimeToLiveStatus": "ENABLED", "AttributeName": t.ttl}}, nil
}

func (s *Server) updateBackups(r *request, _ bool) (answer, error) {
	t, err := s.table(r.TableName)
	if err != nil {
		return nil, err
	}
	if r.PointInTimeRecoverySpecification == nil {
		return nil, invalid("PointInTimeRecoverySpecification is missing")
	}
	t.backups = r.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled
	return s.describeBackups(r, false)
}

func (s *Server) describeBackups(r *request, _ bool) (answer, error) {
	t, err := s.table(r.TableName)
	if err != nil {
		return nil, err
	}
	status := "DISABLED"
	if t.backups {
		status = "ENABLED"
	}
	return answer{"ContinuousBackupsDescription": answer{
		"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": answer{"PointInTimeRecoveryStatus": status},
	}}, nil
}
