package queries

import (
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// format is a way to write an answer.
type format struct {
	name       string
	media      string // of HTTP
	clickhouse string
	settings   clickhouse.Settings
}

// Numbers stay numbers in JSON, also those of 64 bits and decimals: readers that hold every number as a double lose digits
// beyond 2^53, which no count or sum of money here reaches.
var jsonSettings = clickhouse.Settings{
	"output_format_json_quote_64bit_integers": 0,
	"output_format_json_quote_decimals":       0,
	"output_format_json_quote_denormals":      0,
	"output_format_write_statistics":          0,
}

var formats = []format{
	{"table", "text/plain; charset=utf-8", "PrettyCompactNoEscapesMonoBlock", clickhouse.Settings{
		"output_format_pretty_row_numbers":                            0,
		"output_format_pretty_max_value_width":                        60,
		"output_format_pretty_max_value_width_apply_for_single_value": 0,
		"output_format_pretty_single_large_number_tip_threshold":      0,
		"output_format_pretty_display_footer_column_names":            0,
	}},
	{"json", "application/json", "JSON", jsonSettings},
	{"csv", "text/csv; charset=utf-8; header=present", "CSVWithNames", nil},
	{"ndjson", "application/x-ndjson", "JSONEachRow", jsonSettings},
}

// Formats returns the names Run takes: table, json, csv, ndjson. A table shows at most 10,000 rows and says when there are more.
func Formats() []string {
	names := make([]string, 0, len(formats))
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

func formatByName(name string) (format, error) {
	for _, f := range formats {
		if f.name == name {
			return f, nil
		}
	}
	return format{}, &Error{Code: CodeUnknownFormat, Field: "format", Message: fmt.Sprintf("there is no format %q", clip(name)),
		Help: "take one of " + strings.Join(Formats(), ", ")}
}
