package queries

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// variable is a reference to a dashboard variable: $channel or ${channel}.
var variable = regexp.MustCompile(`^\$(?:\{([A-Za-z][A-Za-z0-9_]*)\}|([A-Za-z][A-Za-z0-9_]*))$`)

// Grafana returns the statement as a panel of the ClickHouse plugin takes it. from and to become the dashboard's time range;
// values gives the other parameters, each either a constant as a caller of the API would write it or a reference to a
// dashboard variable ($channel, ${channel}), which Grafana quotes. A parameter that is not given keeps its default;
// now is the moment at which the panel asks. The result holds no {name:Type}.
//
// A variable for an Array(String) may be multi-valued. from and to can be given as constants too, to pin a panel's range.
func (q Query) Grafana(values map[string]string) (string, error) {
	for name := range values {
		if _, ok := q.Param(name); !ok {
			return "", q.unknownParam(name)
		}
	}
	literals := make(map[string]string, len(q.Params))
	for _, p := range q.Params {
		literal, err := p.grafana(values)
		if err != nil {
			return "", fmt.Errorf("query %s for Grafana: %w", q.Name, err)
		}
		literals[p.Name] = literal
	}
	var out strings.Builder
	last := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(blank(q.SQL), -1) {
		out.WriteString(q.SQL[last:m[0]])
		out.WriteString(literals[q.SQL[m[2]:m[3]]])
		last = m[1]
	}
	out.WriteString(q.SQL[last:])
	return out.String(), nil
}

// grafana returns the SQL expression that stands for p in a panel.
func (p Param) grafana(values map[string]string) (string, error) {
	text, given := values[p.Name]
	if m := variable.FindStringSubmatch(text); given && m != nil {
		// ${x:singlequote} is Grafana's own quoting: each value in single quotes, escaped, divided by commas.
		quoted := "${" + m[1] + m[2] + ":singlequote}"
		if p.Type == "Array(String)" {
			return "[" + quoted + "]", nil
		}
		if p.Type == "String" {
			return quoted, nil
		}
		return fmt.Sprintf("CAST(%s, '%s')", quoted, p.Type), nil
	}
	if !given {
		// The plugin replaces a bare macro and everything up to the end of the next parenthesis that opens after it, so the
		// macro has to be the last thing before a closing one.
		switch p.Name {
		case "from":
			return "toTimeZone(($__fromTime_ms), 'UTC')", nil
		case "to":
			return "toTimeZone(($__toTime_ms), 'UTC')", nil
		}
		if p.Required {
			return "", &Error{Code: CodeMissingParam, Field: p.Name, Message: "this parameter is required", Help: p.Type + ", " + p.Doc}
		}
		text = p.Default
		if text == "now" && p.Type == "DateTime64(3)" {
			return "now64(3, 'UTC')", nil // when the panel asks
		}
		if strings.HasPrefix(text, "now") || text == "today" {
			return "", fmt.Errorf("param %s: its default %s moves with time; give a value", p.Name, text)
		}
	}
	v, err := p.value(text, time.Now())
	if err != nil {
		return "", err
	}
	return literal(v, p.Type), nil
}

// literal writes a bound value as SQL. It is for text we write ourselves (dashboards); a caller's value is bound instead.
func literal(v any, typ string) string {
	switch v := v.(type) {
	case []string:
		items := make([]string, len(v))
		for i, s := range v {
			items[i] = quote(s)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case string:
		switch typ {
		case "DateTime64(3)":
			return "toDateTime64(" + quote(v) + ", 3, 'UTC')"
		case "Date":
			return "toDate(" + quote(v) + ")"
		}
		return quote(v)
	case uint64:
		return strconv.FormatUint(v, 10)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

var quoting = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\t", `\t`, "\r", `\r`, "\x00", `\0`)

func quote(s string) string { return "'" + quoting.Replace(s) + "'" }
