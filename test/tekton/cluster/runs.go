package cluster

import (
	"context"
	"errors"
	"time"
)

// Finish applies a TaskRun or a PipelineRun and waits until it has ended, in whatever way.
func (c *Cluster) Finish(namespace string, run Object, limit time.Duration) (Object, error) {
	if err := c.ApplyObject(namespace, run); err != nil {
		return nil, err
	}
	var found Object
	err := c.Eventually(run.Text("kind")+" "+run.Text("metadata", "name"), limit, func(context.Context) (bool, error) {
		var err error
		if found, err = c.Get(namespace, run); err != nil {
			return false, err
		}
		succeeded, _ := found.Condition("Succeeded")
		return succeeded["status"] == "True" || succeeded["status"] == "False", errors.New(succeeded.Text("reason") + ": " + succeeded.Text("message"))
	})
	return found, err
}
