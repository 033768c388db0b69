package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/livello/livello/erasure"
	"github.com/livello/livello/ingest"
	"github.com/livello/livello/ingest/spool"
)

// erasePath is on the local socket only: whoever may open the folder may erase people.
const erasePath = "/local/erase"

// startErasure keeps out who has to be kept out, and goes on with what was cut off as soon as the database is there.
func (s *service) startErasure(ctx context.Context, _ *prometheus.Registry) (err error) {
	s.eraser, err = erasure.New(erasure.Options{
		DB: s.db, Dir: s.cfg.Data, Refuse: s.cfg.Erasure.LaterEvents == "refuse", Shared: s.cfg.DSN != "", Logger: s.log,
		Settle: s.settleAll,
		Rebuild: func(ctx context.Context, month time.Time, tables []string) error {
			_, err := s.rebuilder.Rebuild(ctx, month, month, tables...)
			return err
		},
		Rebuilt: s.rebuilder.Tidy,
		Refused: s.refusedOf,
		Pause:   s.pauseDeciding,
		Recount: func(ctx context.Context) error { return s.funnel.Anew(ctx) },
		Files:   s.eraseFiles,
	})
	if err != nil {
		return err
	}
	if s.prepared.isReached() {
		if err := s.eraser.Load(ctx); err != nil {
			return err
		}
	}
	s.background("erasures", s.eraser.Run)
	return nil
}

// settleAll has everything that was accepted or rejected in the database, and not in files any more.
func (s *service) settleAll(ctx context.Context) error {
	if err := s.waitSettled(ctx); err != nil { // a doubtful segment could put back what was removed
		return err
	}
	if err := s.spool.Reap(ctx); err != nil {
		return err
	}
	return s.quarantine.Flush(ctx)
}

// pauseDeciding stops who decides about people, and would write down what was read before.
func (s *service) pauseDeciding(ctx context.Context) (resume func(), err error) {
	evaluate, err := s.tiers.Pause(ctx)
	if err != nil {
		return nil, err
	}
	resolve, err := s.resolver.Pause(ctx)
	if err != nil {
		evaluate()
		return nil, err
	}
	return func() {
		resolve()
		evaluate()
		s.news.Send() // whoever is left is looked at again
	}, nil
}

// besideErasure says whether rejected records and refused segments may be put back in a data folder that no service runs on.
func besideErasure(data string) error {
	if waits, err := erasure.CutOff(data); err != nil || !waits {
		return err
	}
	return fmt.Errorf("nothing is put back: an erasure was cut off in %s (%s says that a person is being erased), and what is put back now would escape it; "+
		"start livello serve on the folder, which goes on with the erasure by itself, and try again when its log says \"person erased\"", data, erasure.HeldFile)
}

type eraseRequest struct {
	ID string `json:"id"`
	By string `json:"by"`
}

// erase runs to its end whether or not the one who asked waits for it.
func (s *service) erase(ctx context.Context, ask eraseRequest) (erasure.Certificate, error) {
	if ask.ID == "" {
		return erasure.Certificate{}, errors.New("the id is empty")
	}
	if s.cfg.Cluster != "" {
		return erasure.Certificate{}, &ingest.Error{Status: http.StatusNotImplemented, Code: "not_implemented",
			Message: "with the setting cluster nobody can be erased yet: the rollups of a cluster cannot be recomputed from one node",
			Help:    "nothing was removed; docs/erasure.md says which tables hold what of a person"}
	}
	if err := s.answers(ctx); err != nil {
		return erasure.Certificate{}, err
	}
	return s.eraser.Erase(context.WithoutCancel(ctx), ask.ID, ask.By)
}

// erasePerson is DELETE /v1/people/{id}.
func (s *service) erasePerson(c echo.Context) error {
	id, err := personOf(c, "")
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	done, err := s.erase(ctx, eraseRequest{id, "admin key, over HTTP from " + c.RealIP()})
	var gone *awayError
	if err = s.cfg.sayAway(ctx, err); errors.As(err, &gone) {
		s.log.Warn("nobody can be erased while ClickHouse is away", "error", gone.cause)
		return &ingest.Error{Status: http.StatusServiceUnavailable, Code: "database_away", Message: "ClickHouse cannot be asked now", RetryAfter: 5 * time.Second,
			Help: "what an erasure that was begun has left to do is done by itself when ClickHouse answers; ask again after the time in Retry-After, for the certificate"}
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, done)
}

// eraseCommand removes a person, after a question.
func eraseCommand(p *program) *cobra.Command {
	erase := &cobra.Command{
		Use:     "erase ID",
		Short:   "Remove a person, with all their ids, from every table",
		Long:    "Removes what is known of the person that the id belongs to (docs/erasure.md), prints what was removed where, and leaves a certificate\nin the table erasures. It cannot be undone.",
		Example: "  livello erase user-42 --yes",
		Args:    cobra.ExactArgs(1),
	}
	yes := erase.Flags().Bool("yes", false, "do not ask")
	erase.RunE = func(cmd *cobra.Command, args []string) error {
		format, err := p.format("table", "json")
		if err != nil {
			return err
		}
		cfg, err := p.config(cmd)
		if err != nil {
			return err
		}
		if !*yes {
			if !isTerminal(p.stdin) {
				return errors.New("this cannot be undone: add --yes")
			}
			fmt.Fprintf(p.stderr, "Remove everything about %q and all ids of the same person? It cannot be undone. [y/N] ", args[0])
			var answer string
			if _, err := fmt.Fscanln(p.stdin, &answer); err != nil || !strings.EqualFold(answer, "y") {
				return errors.New("nothing was removed")
			}
		}
		ask := eraseRequest{ID: args[0], By: "command line"}
		if who, err := user.Current(); err == nil {
			ask.By += ", user " + who.Username
		}
		var done erasure.Certificate
		err = p.within(cmd.Context(), &cfg, erasePath, ask, &done, func(ctx context.Context, s *service) (any, error) { return s.erase(ctx, ask) })
		if err != nil {
			return err
		}
		if format == "json" {
			return indented(p.stdout, done)
		}
		return printCertificate(p.stdout, &done)
	}
	return erase
}

func printCertificate(w io.Writer, c *erasure.Certificate) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "erased, %s; certificate %s\n", counted(c.IDs, "id"), c.Request)
	for _, name := range slices.Sorted(maps.Keys(c.Removed)) {
		fmt.Fprintf(&b, "  %-18s %s removed\n", name, counted(c.Removed[name], "row"))
	}
	fmt.Fprintf(&b, "  %-18s %s of others without the id\n", "events", counted(c.Changed["events"], "row"))
	for _, name := range slices.Sorted(maps.Keys(c.Changed)) {
		if rollup, months := strings.CutSuffix(name, "_months"); months {
			fmt.Fprintf(&b, "  %-18s %s recomputed\n", rollup, counted(c.Changed[name], "month"))
		}
	}
	for _, file := range c.Remaining {
		fmt.Fprintf(&b, "  not touched: %s\n", file)
	}
	_, err := b.WriteTo(w)
	return err
}

// refusedOf are the events of a person that wait with a refused segment.
func (s *service) refusedOf(ids []string) ([]erasure.Event, error) {
	kept, err := s.spool.RefusedOf(ids)
	events := make([]erasure.Event, len(kept))
	for i, k := range kept {
		events[i] = erasure.Event(k)
	}
	return events, err
}

// eraseFiles takes a person out of what ClickHouse refused, and of what was cut off damaged segments.
func (s *service) eraseFiles(ids []string) (removed map[string]uint64, remaining []string, err error) {
	events, err := s.spool.Erase(ids)
	if err != nil {
		return nil, nil, err
	}
	records, err := s.quarantine.Erase(ids)
	if err != nil {
		return nil, nil, err
	}
	removed = map[string]uint64{"refused segments": uint64(events.Removed), "refused quarantine files": uint64(records)}
	if s.cards != nil {
		if removed["copies of profiles"], err = s.forgetCards(ids); err != nil {
			return nil, nil, err
		}
	}
	for _, u := range events.Unread {
		what := "may hold something of the person"
		if u.Holds {
			what = "hold an id of the person"
		}
		way := "delete the file"
		if u.State == spool.Refused {
			way = "livello spool drop, after livello spool export if the events of others are needed"
		}
		remaining = append(remaining, fmt.Sprintf("%s: %d bytes that cannot be read %s; to remove them: %s", u.Path, u.Bytes, what, way))
	}
	return removed, remaining, nil
}
