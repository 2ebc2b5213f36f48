package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/idpbridge/idpbridge/sync/state"
)

func newStateCmd(r *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "state",
		Short: "Back up or check the state file",
		Args:  cobra.NoArgs,
		RunE:  needSubcommand,
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "backup FILE",
			Short: "Write a consistent copy of the state to a new file",
			Long:  "Writes a consistent copy of the state to a new file, while cycles go on. The copy can be put in the state file's place when nothing runs.",
			Args:  cobra.ExactArgs(1),
			RunE:  func(cmd *cobra.Command, args []string) error { return runStateBackup(cmd.Context(), r, args[0]) },
		},
		&cobra.Command{
			Use:   "check",
			Short: "Read the whole state file and look for damage",
			Args:  cobra.NoArgs,
			RunE:  func(cmd *cobra.Command, _ []string) error { return runStateCheck(cmd.Context(), r) },
		},
	)
	return cmd
}

// onState opens the state that exists; these commands make none.
func (r *program) onState(ctx context.Context, f func(*state.Store) error) error {
	a, err := r.open()
	if err != nil {
		return err
	}
	if path := a.Config().State.Path; !exists(path) {
		return errors.Join(failed("the first `idpbridge run` makes it", "there is no state file %s yet", path), a.Close())
	}
	store, err := a.Store(ctx)
	if err == nil {
		err = f(store)
	}
	return errors.Join(err, a.Close())
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// Backup is what `state backup` prints.
type Backup struct {
	State string `json:"state"`
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
}

func runStateBackup(ctx context.Context, r *program, file string) error {
	return r.onState(ctx, func(store *state.Store) error {
		if err := store.Backup(ctx, file); errors.Is(err, fs.ErrExist) {
			return failed("name another file, or remove that one first", "%s exists already, and a backup overwrites nothing", file)
		} else if err != nil {
			return err
		}
		info, err := os.Stat(file)
		if err != nil {
			return fmt.Errorf("look at the backup: %w", err)
		}
		out := Backup{State: store.Path(), File: file, Bytes: info.Size()}
		if r.json() {
			return r.printJSON(out)
		}
		return r.printf("%s was copied to %s (%d bytes)\n", out.State, out.File, out.Bytes)
	})
}

// Checked is what `state check` prints.
type Checked struct {
	State    string   `json:"state"`
	Sound    bool     `json:"sound"`
	Problems []string `json:"problems"`
}

func runStateCheck(ctx context.Context, r *program) error {
	return r.onState(ctx, func(store *state.Store) error {
		problems, err := store.Check(ctx)
		if err != nil {
			return err
		}
		out := Checked{State: store.Path(), Sound: len(problems) == 0, Problems: append([]string{}, problems...)}
		switch {
		case r.json():
			err = r.printJSON(out)
		case out.Sound:
			err = r.printf("%s is sound\n", out.State)
		default:
			err = r.printf("%s\n", strings.Join(out.Problems, "\n"))
		}
		if err == nil && !out.Sound {
			return failed("put back a backup; the file was left as it is", "%s is damaged in %s", out.State, count(len(problems), "place"))
		}
		return err
	})
}
