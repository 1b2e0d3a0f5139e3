package cluster

// Object is a Kubernetes object as JSON has it.
type Object map[string]any

// At is the value under a path of keys, nil where there is none.
func (o Object) At(keys ...string) any {
	var value any = map[string]any(o)
	for _, key := range keys {
		members, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = members[key]
	}
	return value
}

// Text is the string under a path of keys, "" where there is none.
func (o Object) Text(keys ...string) string {
	text, _ := o.At(keys...).(string)
	return text
}

// List are the objects of the list under a path of keys.
func (o Object) List(keys ...string) []Object {
	values, _ := o.At(keys...).([]any)
	objects := make([]Object, 0, len(values))
	for _, value := range values {
		if object, ok := value.(map[string]any); ok {
			objects = append(objects, object)
		}
	}
	return objects
}

// Condition is the condition of a type.
func (o Object) Condition(kind string) (Object, bool) {
	for _, condition := range o.List("status", "conditions") {
		if condition.Text("type") == kind {
			return condition, true
		}
	}
	return nil, false
}

// Results are the values of status.results by name: a string, []any or map[string]any each.
func (o Object) Results() map[string]any {
	results := map[string]any{}
	for _, result := range o.List("status", "results") {
		results[result.Text("name")] = result["value"]
	}
	return results
}
