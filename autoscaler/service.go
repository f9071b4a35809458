package autoscaler

import (
	"fmt"
	"strings"
)

// ServiceID names one ECS service: the cluster's name and the service's name,
// neither as an ARN. The zero value names nothing and is refused by [New].
type ServiceID struct {
	Cluster string `json:"cluster"`
	Name    string `json:"name"`
}

// String returns "cluster/name", and nothing for the zero value.
func (s ServiceID) String() string {
	if s == (ServiceID{}) {
		return ""
	}
	return s.Cluster + "/" + s.Name
}

// TaskID is the id part of a task's ARN, the last of its slashes' parts. ECS
// shows the same task under a long ARN (task/cluster/id) and a legacy one
// (task/id); both normalise to the id, which is unique within a cluster.
type TaskID string

// ParseTaskID returns the id of a task given as a long ARN, a legacy ARN or the
// id itself. It refuses text that holds no id, and an ARN of anything but a task.
func ParseTaskID(text string) (TaskID, error) {
	id := text
	if strings.HasPrefix(text, "arn:") {
		_, resource, found := strings.Cut(text, ":task/")
		if !found {
			return "", fmt.Errorf("autoscaler: task %q: the ARN is not a task's; give arn:…:task/… or the id alone", text)
		}
		id = resource[strings.LastIndexByte(resource, '/')+1:]
	}
	if id == "" || strings.ContainsAny(id, "/: \t\r\n") {
		return "", fmt.Errorf("autoscaler: task %q: holds no task id; give the ARN or its last part", text)
	}
	return TaskID(id), nil
}

// TaskRef names one task of one service. It is comparable and serves as a key.
type TaskRef struct {
	Service ServiceID `json:"service"`
	Task    TaskID    `json:"task"`
}

// String returns "cluster/name/task", and nothing for the zero value.
func (r TaskRef) String() string {
	if r == (TaskRef{}) {
		return ""
	}
	return r.Service.String() + "/" + string(r.Task)
}
