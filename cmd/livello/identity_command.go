package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/livello/livello/identity"
)

// Paths on the local socket only: whoever may open the folder may say who is who.
const (
	identityShowPath  = "/local/identity/show"
	identityMergePath = "/local/identity/merge"
	identitySplitPath = "/local/identity/split"
)

func (s *service) identityRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST "+identityShowPath, answerJSON(s, s.showIdentity))
	mux.HandleFunc("POST "+identityMergePath, answerJSON(s, s.mergeIdentities))
	mux.HandleFunc("POST "+identitySplitPath, answerJSON(s, s.splitIdentity))
}

// identityRequest is what the paths take; with is the second id of a merge.
type identityRequest struct {
	ID     string `json:"id"`
	With   string `json:"with,omitempty"`
	Reason string `json:"reason,omitempty"`
	By     string `json:"by,omitempty"`
}

func (s *service) showIdentity(ctx context.Context, ask identityRequest) (identity.Person, error) {
	return s.resolver.Show(ctx, ask.ID)
}

// mergeIdentities and splitIdentity run to their end whether or not the one who asked waits for it.
func (s *service) mergeIdentities(ctx context.Context, ask identityRequest) (identity.Change, error) {
	return s.resolver.Merge(context.WithoutCancel(ctx), ask.ID, ask.With, ask.Reason, ask.By)
}

func (s *service) splitIdentity(ctx context.Context, ask identityRequest) (identity.Change, error) {
	return s.resolver.Split(context.WithoutCancel(ctx), ask.ID, ask.Reason, ask.By)
}

// identityCommand shows which ids are one person, and puts it right.
func identityCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:   "identity",
		Short: "Which ids are one person: show why, merge, split",
		Long: "Ids are joined by what events say: an anonymous id was seen with a user, or a user has a new name. What was not followed is shown as a conflict,\n" +
			"with the reason. People may decide otherwise; their decisions are kept with the reason and can be taken back. See docs/identity.md.",
		Example: "  livello identity show cookie-123\n  livello identity merge ada@acme.com ada@gmail.com --reason 'she told us on the phone'\n" +
			"  livello identity split cookie-123 --reason 'tablet of the showroom'",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(identityShow(p), identityMerge(p), identitySplit(p))
	return c
}

func identityShow(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show the person of an id: all ids with their evidence, conflicts and decisions", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := p.format("table", "json")
			if err != nil {
				return err
			}
			cfg, err := p.config(cmd)
			if err != nil {
				return err
			}
			ask := identityRequest{ID: args[0]}
			var person identity.Person
			if err := p.within(cmd.Context(), &cfg, identityShowPath, ask, &person, func(ctx context.Context, s *service) (any, error) { return s.showIdentity(ctx, ask) }); err != nil {
				return err
			}
			if format == "json" {
				return indented(p.stdout, person)
			}
			return printPerson(p.stdout, person)
		},
	}
}

func identityMerge(p *program) *cobra.Command {
	merge := &cobra.Command{
		Use: "merge A B", Short: "Say that two ids are one person, named as that of the first is", Args: cobra.ExactArgs(2),
		Long: "Joins the person of B to the person of A from now on. Both ids may be any ids of these people. `livello identity split B` takes it back.",
	}
	return identityDecision(p, merge, identityMergePath, func(s *service) func(context.Context, identityRequest) (identity.Change, error) {
		return s.mergeIdentities
	})
}

func identitySplit(p *program) *cobra.Command {
	split := &cobra.Command{
		Use: "split ID", Short: "Take an id out of its person", Args: cobra.ExactArgs(1),
		Long: "Takes back the merges by hand of an id. When there are none, the evidence up to now that joined it to somebody no longer counts; what\n" +
			"comes later does. Events and rollups stay as they are: they are kept per id.",
	}
	return identityDecision(p, split, identitySplitPath, func(s *service) func(context.Context, identityRequest) (identity.Change, error) {
		return s.splitIdentity
	})
}

func identityDecision(p *program, c *cobra.Command, path string, do func(*service) func(context.Context, identityRequest) (identity.Change, error)) *cobra.Command {
	reason := c.Flags().String("reason", "", "why; it is kept with the decision")
	by := c.Flags().String("by", "", "who decides; default: the user of this machine")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		format, err := p.format("table", "json")
		if err != nil {
			return err
		}
		if strings.TrimSpace(*reason) == "" {
			return fmt.Errorf("say why: --reason 'she told us'; it is kept with the decision")
		}
		cfg, err := p.config(cmd)
		if err != nil {
			return err
		}
		ask := identityRequest{ID: args[0], Reason: *reason, By: cmp.Or(*by, userName())}
		if len(args) > 1 {
			ask.With = args[1]
		}
		var done identity.Change
		if err := p.within(cmd.Context(), &cfg, path, ask, &done, func(ctx context.Context, s *service) (any, error) { return do(s)(ctx, ask) }); err != nil {
			return err
		}
		if format == "json" {
			return indented(p.stdout, done)
		}
		return printChange(p.stdout, done)
	}
	return c
}

// shownID shows any id on one line and in one cell: what would break a table or a terminal is quoted.
func shownID(id string) string {
	if quoted := strconv.Quote(id); id == "" || quoted != `"`+id+`"` {
		return quoted
	}
	return id
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

func printPerson(to io.Writer, p identity.Person) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "person %s\n\nID\tSINCE\tEVIDENCE\n", shownID(p.Person))
	for _, id := range p.IDs {
		since := "its own"
		if id.Since != nil {
			since = minute(*id.Since)
		}
		var why []string
		for _, e := range id.Evidence {
			why = append(why, fmt.Sprintf("%s %s, %s to %s (%s)", e.Kind, shownID(e.User), minute(e.First), minute(e.Last), counted(e.Events, "event")))
		}
		for _, e := range id.Earlier {
			why = append(why, fmt.Sprintf("%s's from %s", shownID(e.Person), minute(e.Since)))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", shownID(id.ID), since, strings.Join(why, "; "))
	}
	if len(p.Conflicts) > 0 {
		fmt.Fprint(w, "\nnot followed:\nID\tSEEN WITH\tREASON\tFIRST\tEVENTS\n")
		for _, c := range p.Conflicts {
			user, events := shownID(c.User), strconv.FormatUint(c.Events, 10)
			if c.User == "" {
				user, events = "all of its users", ""
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", shownID(c.ID), user, c.Reason, minute(c.First), events)
		}
	}
	if len(p.Decisions) > 0 {
		fmt.Fprint(w, "\ndecided by hand:\nAT\tWHAT\tBY\tREASON\n")
		for _, d := range p.Decisions {
			what := d.Action + " " + shownID(d.ID)
			if d.User != "" {
				what += " into " + shownID(d.User)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", minute(d.At), what, shownID(d.By), shownID(d.Reason))
		}
	}
	return w.Flush()
}

func printChange(to io.Writer, c identity.Change) error {
	if len(c.Moved) == 0 {
		_, err := fmt.Fprintf(to, "%s: the decision is kept; all ids belong to whom they belonged to before\n", c.Action)
		return err
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "ID\tWAS\tIS NOW\n")
	for _, m := range c.Moved {
		fmt.Fprintf(w, "%s\t%s\t%s\n", shownID(m.ID), shownID(m.From), shownID(m.To))
	}
	return w.Flush()
}
