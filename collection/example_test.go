package collection_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/syncmanager/syncmanager/collection"
)

// Task is an app's own struct.
type Task struct {
	ID    collection.ID `json:"id"`
	Title string        `json:"title"`
	Done  bool          `json:"done"`
	Tags  []string      `json:"tags,omitempty"`
	// Hours by day: two devices may each add a day.
	Hours map[string]int `json:"hours,omitempty" sync:"fields"`
}

// inFolder runs an example in a folder of its own.
func inFolder(f func(ctx context.Context, path string) error) {
	dir, err := os.MkdirTemp("", "tasks")
	if err == nil {
		err = errors.Join(f(context.Background(), filepath.Join(dir, "tasks.db")), os.RemoveAll(dir))
	}
	if err != nil {
		fmt.Println(err)
	}
}

func Example() {
	inFolder(func(ctx context.Context, path string) error {
		tasks, err := collection.Open(ctx, "example-tasks", collection.Options[Task]{Path: path})
		if err != nil {
			return err
		}
		defer tasks.Close()

		task, err := tasks.Add(ctx, Task{Title: "Paint the fence"})
		if err != nil {
			return err
		}
		task.Done = true
		if _, err := tasks.Update(ctx, task); err != nil {
			return err
		}
		for task, err := range tasks.Find(ctx, func(t Task) bool { return t.Done }) {
			if err != nil {
				return err
			}
			fmt.Println("done:", task.Title)
		}
		waiting, err := tasks.Changes(ctx)
		fmt.Println("waiting for the next sync:", waiting)
		return err
	})
	// Output:
	// done: Paint the fence
	// waiting for the next sync: 1
}

func ExampleOptions_valid() {
	inFolder(func(ctx context.Context, path string) error {
		tasks, err := collection.Open(ctx, "example-tasks", collection.Options[Task]{
			Path: path,
			Valid: func(t Task) error {
				if strings.TrimSpace(t.Title) == "" {
					return errors.New("a task needs a title")
				}
				return nil
			},
			// Two devices that add the same title mean the same task.
			Same: func(t Task) string { return strings.ToLower(t.Title) },
		})
		if err != nil {
			return err
		}
		defer tasks.Close()
		_, err = tasks.Add(ctx, Task{})
		fmt.Println(err)
		_, err = tasks.Add(ctx, Task{Title: "Fence"})
		fmt.Println(err)
		_, err = tasks.Add(ctx, Task{Title: "fence"})
		fmt.Println(err)
		return nil
	})
	// Output:
	// a task needs a title
	// <nil>
	// there is a record for this already
}

func ExampleEngine_Edit() {
	inFolder(func(ctx context.Context, path string) error {
		tasks, err := collection.Open(ctx, "example-tasks", collection.Options[Task]{Path: path})
		if err != nil {
			return err
		}
		defer tasks.Close()
		err = tasks.Edit(ctx, func(tx *collection.Tx[Task]) error {
			for _, title := range []string{"Fence", "Gate"} {
				if err := tx.Add(&Task{Title: title}); err != nil {
					return err
				}
			}
			return errors.New("a third one is missing")
		})
		n, _ := tasks.Count(ctx)
		fmt.Println(err, "and so there are", n)
		return nil
	})
	// Output: a third one is missing and so there are 0
}

func ExampleEngine_Watch() {
	inFolder(func(ctx context.Context, path string) error {
		tasks, err := collection.Open(ctx, "example-tasks", collection.Options[Task]{Path: path})
		if err != nil {
			return err
		}
		defer tasks.Close()
		changes := tasks.Watch(ctx) // before what it is to tell of
		if _, err := tasks.Add(ctx, Task{ID: "fence", Title: "Paint the fence"}); err != nil {
			return err
		}
		for change := range changes {
			fmt.Println("by the user:", change.User, "by a sync:", change.Sync, change.IDs)
			break
		}
		return nil
	})
	// Output: by the user: true by a sync: false [fence]
}
