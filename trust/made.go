package trust

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/livello/livello/internal/ask"
)

// asMadeBy is how a check of sql/ says "what this view makes of the days compared", for a view whose query is written from the
// definitions and differs from database to database.
var asMadeBy = regexp.MustCompile(`/\*made by (\w+)\*/`)

// withViews puts the query of the named view in place of each such comment, over events as they are now, each once.
func withViews(ctx context.Context, db DB, check string) (string, error) {
	for _, found := range asMadeBy.FindAllStringSubmatch(check, -1) {
		queries, err := ask.Texts(ctx, db, "SELECT as_select FROM system.tables WHERE database = currentDatabase() AND name = {view:String}", named("view", found[1]))
		if err != nil {
			return "", fmt.Errorf("query of %s: %w", found[1], err)
		}
		if len(queries) != 1 || len(fromEvents.FindAllString(queries[0], -1)) != 1 {
			return "", fmt.Errorf("query of %s: there is no such view on events; `livello migrate up` makes it", found[1])
		}
		query := fromEvents.ReplaceAllLiteralString(queries[0],
			"FROM (SELECT * FROM events FINAL WHERE ts >= toDateTime64({from:Date}, 3, 'UTC') AND ts < toDateTime64({to:Date}, 3, 'UTC')) AS events")
		check = strings.ReplaceAll(check, found[0], query)
	}
	return check, nil
}
