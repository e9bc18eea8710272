package collection_test

import (
	"fmt"
	"slices"

	"github.com/syncmanager/syncmanager/collection"
)

// everyTag merges tasks that two devices changed: where the newer list of tags would stand by
// itself, all tags do, and a task is done that either device did. The other fields are as
// they would be without it.
func everyTag(_ *Task, local, remote, merged Task) Task {
	merged.Done = local.Done || remote.Done
	merged.Tags = slices.Compact(slices.Sorted(slices.Values(append(local.Tags, remote.Tags...))))
	return merged
}

func ExampleOptions_merge() {
	options := collection.Options[Task]{Merge: everyTag}

	phone := Task{Title: "Paint the fence", Tags: []string{"home", "red"}} // the title was "Fence"
	laptop := Task{Title: "Fence", Done: true, Tags: []string{"home"}, Hours: map[string]int{"Monday": 2}}
	merged := Task{Title: "Paint the fence", Done: true, Tags: []string{"home"}, Hours: map[string]int{"Monday": 2}}
	task := options.Merge(nil, phone, laptop, merged)
	fmt.Println(task.Title, task.Done, task.Tags, task.Hours)
	// Output: Paint the fence true [home red] map[Monday:2]
}
