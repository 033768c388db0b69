package dashboards

import (
	"errors"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
)

// pluginType is the id of Grafana's official ClickHouse plugin; pluginVersion the version whose query form is written here,
// the one docker-compose.yml installs. The plugin rewrites queries without a version, as being of its third major version.
const (
	pluginType    = "grafana-clickhouse-datasource"
	pluginVersion = "4.20.0"
)

// form is what the plugin makes of a result. Its query has it twice: for the editor as a word, for the backend as a number.
type form struct {
	word   string
	number int
}

var (
	asTable      = form{"table", 1}
	asTimeSeries = form{"timeSeries", 0} // a column of time, columns of text that become labels, columns of numbers
)

// clickhouse is a query of the plugin: JSON as its SQL editor saves it. The foundation SDK has no type for this plugin.
type clickhouse struct {
	Datasource    common.DataSourceRef `json:"datasource"`
	RefID         string               `json:"refId"`
	PluginVersion string               `json:"pluginVersion"`
	EditorType    string               `json:"editorType"`
	QueryType     string               `json:"queryType"`
	Format        int                  `json:"format"`
	RawSQL        string               `json:"rawSql"`
}

func newQuery(sql string, f form) clickhouse {
	return clickhouse{
		Datasource: datasource(), RefID: "A", PluginVersion: pluginVersion,
		EditorType: "sql", QueryType: f.word, Format: f.number, RawSQL: sql,
	}
}

// datasource is whichever ClickHouse the board's variable names.
func datasource() common.DataSourceRef {
	typ, uid := pluginType, "${datasource}"
	return common.DataSourceRef{Type: &typ, Uid: &uid}
}

var _ variants.Dataquery = clickhouse{}

// The methods below are what the SDK asks of a query; Build makes it its own builder.

// Build returns a cog.BuildErrors when it fails: the SDK's builders assert that type.
func (q clickhouse) Build() (variants.Dataquery, error) {
	if err := q.Validate(); err != nil {
		return nil, cog.MakeBuildErrors("clickhouse", err)
	}
	return q, nil
}

func (clickhouse) ImplementsDataqueryVariant() {}

func (clickhouse) DataqueryType() string { return pluginType }

func (q clickhouse) Equals(other variants.Dataquery) bool {
	o, ok := other.(clickhouse)
	if !ok || !q.Datasource.Equals(o.Datasource) {
		return false
	}
	q.Datasource, o.Datasource = common.DataSourceRef{}, common.DataSourceRef{}
	return q == o
}

func (q clickhouse) Validate() error {
	if strings.TrimSpace(q.RawSQL) == "" {
		return errors.New("a query without SQL")
	}
	return nil
}
