package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/idpbridge/idpbridge/sync/engine"
	"github.com/idpbridge/idpbridge/sync/state"
)

// shownRequests is how many of a cycle's requests are shown.
const shownRequests = 10

// scene is something that happens to a company, and the cycle that follows.
type scene struct {
	site *site
	text string
	full bool   // the cycle reads everything, not only what changed
	heal func() // ends what was broken, after the cycle
	// remark is said after the cycle; it may be nil.
	remark func(*state.Cycle) string
}

// story makes one scene after another: first some that show all there is, then what
// chance brings.
type story struct {
	d       *Demo
	program []func() scene
	// victims are the people whom an accident disabled.
	victims []*person
}

func newStory(d *Demo) *story {
	s := &story{d: d}
	of := func(site *site, a act) func() scene {
		return func() scene { return scene{site: site, text: a(site)} }
	}
	s.program = []func() scene{
		of(d.entra, joins), of(d.okta, promoted), of(d.entra, marries), of(d.okta, moves), of(d.entra, leaves), of(d.okta, grows),
		s.quiet, s.badRead, of(d.okta, leaves), of(d.entra, returns),
		s.accident, of(d.entra, joins), of(d.okta, returns), s.repair,
	}
	return s
}

// next returns the next scene.
func (s *story) next() scene {
	if len(s.program) > 0 {
		f := s.program[0]
		s.program = s.program[1:]
		return f()
	}
	chance := s.d.entra.company.faker
	for {
		site := s.d.sites()[chance.IntN(2)]
		if text := acts()[chance.IntN(len(acts()))](site); text != "" {
			return scene{site: site, text: text}
		}
	}
}

// quiet is a cycle without anything to do: it must cost the application nothing.
func (s *story) quiet() scene {
	return scene{site: s.d.entra, text: "Nothing happens."}
}

// badRead is a directory that shows nobody, without calling it an error. A program that
// took this for the truth would disable everyone.
func (s *story) badRead() scene {
	site := s.d.okta
	before := site.active()
	return scene{
		site: site, full: true, heal: site.directory.fail(),
		text: "An administrator takes a right from the bridge's token. Okta answers \"200 OK\" and an empty list\nto everything, and the next cycle reads everything.",
		remark: func(*state.Cycle) string {
			return fmt.Sprintf("Accounts in use before: %s. After: %s. Nobody was disabled, and the right is given back.", thousands(before), thousands(site.active()))
		},
	}
}

// accident disables a whole department, which the deletion guard must hold.
func (s *story) accident() scene {
	site := s.d.entra
	for _, p := range site.company.people {
		if p.department == "Engineering" && p.staff() {
			p.status = blocked
			s.victims = append(s.victims, p)
		}
	}
	site.write(s.victims...)
	return scene{
		site: site, text: fmt.Sprintf("A script meant for test accounts blocks all %s of Engineering.", number(len(s.victims), "account")),
		remark: func(c *state.Cycle) string {
			return fmt.Sprintf("%s held back until a person decides; everything else goes on. In another terminal:\n\n%s\n%s\n%s",
				isAre(c.StagedDeletions, "deletion"), s.d.command("deletions list "+site.job),
				s.d.command("deletions approve "+site.job), s.d.command("deletions reject "+site.job))
		},
	}
}

// repair undoes the accident.
func (s *story) repair() scene {
	for _, p := range s.victims {
		if p.status == blocked {
			p.status = working
		}
	}
	s.d.entra.write(s.victims...)
	return scene{site: s.d.entra, text: "Somebody notices, and unblocks " + number(len(s.victims), "account") + "."}
}

func isAre(n int, noun string) string {
	if n == 1 {
		return number(n, noun) + " is"
	}
	return number(n, noun) + " are"
}

// Tell lets things happen until the context ends, and shows what the bridge does.
func (d *Demo) Tell(ctx context.Context) error {
	d.o.Screen.Say(fmt.Sprintf("From now on something happens every %s, and a cycle follows. Ctrl-C ends it.", d.o.Pause))
	s := newStory(d)
	for wait(ctx, d.o.Pause) {
		if err := d.play(ctx, s.next()); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// wait says whether the time passed before the context ended.
func wait(ctx context.Context, pause time.Duration) bool {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// play runs the cycle of a scene and says what came of it.
func (d *Demo) play(ctx context.Context, sc scene) error {
	site := sc.site
	d.o.Screen.Say("\n" + site.company.name + ": " + sc.text)
	c, err := d.bridge.Cycle(ctx, site.job, engine.Request{Full: sc.full})
	if sc.heal != nil {
		sc.heal()
	}
	if busy, ok := errors.AsType[*state.LeasedError](err); ok {
		d.o.Screen.Say("  " + busy.Error())
		return nil
	}
	if err != nil {
		return fmt.Errorf("cycle of %s: %w", site.job, err)
	}
	for i, line := range site.requests() {
		if i == shownRequests {
			d.o.Screen.Say(fmt.Sprintf("  … and %s", number(int(c.Requests.Sink)-i, "more request")))
			break
		}
		d.o.Screen.Say("  " + line)
	}
	d.o.Screen.Say("  " + account(site, c))
	if sc.remark != nil {
		d.o.Screen.Say("  " + sc.remark(c))
	}
	return nil
}

// account is a cycle in a line.
func account(s *site, c *state.Cycle) string {
	text := fmt.Sprintf("%s: %s cycle, %s; %s to %s, %s to the %s", s.job, c.Kind, c.Status,
		number(int(c.Requests.Source), "request"), strings.Fields(s.provider)[0], number(int(c.Requests.Sink), "request"), s.sink)
	if c.EndedAt != nil {
		text += fmt.Sprintf("; %d ms", c.EndedAt.Sub(c.StartedAt).Milliseconds())
	}
	if c.Error != nil {
		text += "\n  " + c.Error.Code + ": " + strings.TrimSpace(c.Error.Message)
	}
	return text
}
