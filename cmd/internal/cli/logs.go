package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/idpbridge/idpbridge/cmd/internal/view"
	"github.com/idpbridge/idpbridge/sync/provlog"
	"github.com/idpbridge/idpbridge/sync/state"
)

// LogsOptions is what `logs` was asked for.
type LogsOptions struct {
	Job, Identity, Status, Action, Since string
	Limit                                int
	Follow                               bool
}

func newLogsCmd(r *program) *cobra.Command {
	var o LogsOptions
	cmd := r.jobArg(&cobra.Command{
		Use:   "logs JOB",
		Short: "Show the provisioning log",
		Long: `Shows the newest records of a job's provisioning log, the oldest of them first. There is one
record for each change that was made, attempted or skipped. With -o json each record is one line.`,
		Example: `  idpbridge logs entra-to-wiki --identity ada@example.com
  idpbridge logs entra-to-wiki --status failure --since 7d
  idpbridge logs entra-to-wiki --follow -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Job = args[0]
			return runLogs(cmd.Context(), r, o)
		},
	})
	f := cmd.Flags()
	f.StringVar(&o.Identity, "identity", "", "only one user or group: the source's id, user name, mail address or group name")
	f.StringVar(&o.Status, "status", "", "only success, failure, skipped or warning")
	f.StringVar(&o.Action, "action", "", "only create, update, disable, delete or none")
	f.StringVar(&o.Since, "since", "", "only the last while, e.g. 90m, 12h or 30d")
	f.IntVar(&o.Limit, "limit", 100, "the most records")
	f.BoolVarP(&o.Follow, "follow", "f", false, "go on with what is logged from now on")
	_ = cmd.RegisterFlagCompletionFunc("status", cobra.FixedCompletions([]string{"success", "failure", "skipped", "warning"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("action", cobra.FixedCompletions([]string{"create", "update", "disable", "delete", "none"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// filter turns the flags into a filter of the log, except for the identity.
func (o LogsOptions) filter(now time.Time) (provlog.Filter, error) {
	f := provlog.Filter{Limit: o.Limit}
	if o.Limit < 1 {
		return f, usage("--limit %d is less than 1", o.Limit)
	}
	var err error
	if o.Status != "" {
		if f.Status, err = provlog.ParseStatus(o.Status); err != nil {
			return f, usage("--status: %w", err)
		}
	}
	if o.Action != "" {
		if f.Action, err = provlog.ParseAction(o.Action); err != nil {
			return f, usage("--action: %w", err)
		}
	}
	if o.Since != "" {
		d, err := view.ParseDuration(o.Since)
		if err != nil {
			return f, usage("--since: %w", err)
		}
		f.Since = now.Add(-d)
	}
	return f, nil
}

func runLogs(ctx context.Context, r *program, o LogsOptions) error {
	filter, err := o.filter(time.Now())
	if err != nil {
		return err
	}
	return r.onJob(ctx, o.Job, func(s *session) error {
		if o.Identity != "" {
			if filter.Identity, err = s.control.SourceID(ctx, o.Identity); err != nil {
				return err
			}
		}
		head, err := s.lastSeq(ctx)
		if err != nil {
			return err
		}
		records, err := s.store.Logs(ctx, s.row.ID, filter)
		if err != nil {
			return err
		}
		slices.Reverse(records)
		if len(records) > 0 {
			head = max(head, records[len(records)-1].Seq)
		}
		if err := printRecords(r, records, true); err != nil || !o.Follow {
			return err
		}
		return s.follow(ctx, r, filter, head)
	})
}

// lastSeq returns the place of the newest record, 0 for none.
func (s *session) lastSeq(ctx context.Context) (int64, error) {
	newest, err := s.store.Logs(ctx, s.row.ID, provlog.Filter{Limit: 1})
	if err != nil || len(newest) == 0 {
		return 0, err
	}
	return newest[0].Seq, nil
}

const (
	// followEvery is how often a follower looks for new records.
	followEvery = 500 * time.Millisecond
	followBatch = 500
)

// follow prints records as they come, until it is stopped.
func (s *session) follow(ctx context.Context, r *program, filter provlog.Filter, after int64) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		records, err := s.store.LogsAfter(ctx, s.row.ID, after, followBatch)
		if ctx.Err() != nil {
			return nil // being stopped is how following ends
		}
		if err != nil {
			return err
		}
		if len(records) > 0 {
			after = records[len(records)-1].Seq
		}
		wanted := slices.DeleteFunc(records, func(l state.Logged) bool { return !matches(&filter, &l.Record) })
		if err := printRecords(r, wanted, false); err != nil {
			return err
		}
		if len(records) == followBatch {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// matches applies a filter to a new record, which no time limit concerns.
func matches(f *provlog.Filter, r *provlog.Record) bool {
	return (f.Identity == "" || f.Identity == r.SourceIdentity.ID) &&
		(f.Status == "" || f.Status == r.Status) &&
		(f.Action == "" || f.Action == r.Action)
}

func printRecords(r *program, records []state.Logged, header bool) error {
	if r.json() {
		for i := range records {
			if err := r.printLine(&records[i].Record); err != nil {
				return err
			}
		}
		return nil
	}
	if len(records) == 0 {
		return nil
	}
	g := newGrid("TIME", "STATUS", "ACTION", "RESOURCE", "SOURCE ID", "NAME", "TARGET ID", "WHAT")
	if !header {
		g.header = nil
	}
	for i := range records {
		rec := &records[i].Record
		status := rec.Status.String()
		g.add(text(stamp(rec.Time)), cell{status, toneOfStatus(status)}, text(rec.Action), text(rec.Resource),
			text(rec.SourceIdentity.ID), text(rec.SourceIdentity.DisplayName), text(rec.TargetIdentity.ID), what(rec))
	}
	return r.print(g)
}

// what is the end of a record's line: the changed attributes, or what went wrong.
func what(rec *provlog.Record) cell {
	if e := rec.Error; e != nil {
		return cell{fmt.Sprintf("%s: %s", e.Code, e.Message), toneOfStatus(rec.Status.String())}
	}
	paths := make([]string, len(rec.ModifiedProperties))
	for i, p := range rec.ModifiedProperties {
		paths[i] = p.Path
	}
	return text(strings.Join(paths, ", "))
}
