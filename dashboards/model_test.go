package dashboards_test

// board is the part of Grafana's JSON that the tests look at, read back from the text: what Grafana sees, not what the SDK meant.
type board struct {
	ID            *int
	UID           string
	Title         string
	Timezone      string
	Refresh       string
	SchemaVersion int
	Panels        []panel
	Templating    struct {
		List []variable
	}
}

type variable struct {
	Name, Type string
	Query      any
	Datasource source
}

type panel struct {
	ID          int
	Type        string
	Title       string
	Description string
	Datasource  source
	GridPos     struct{ X, Y, W, H int }
	Targets     []target
	FieldConfig struct {
		Overrides []struct {
			Matcher struct{ ID, Options string }
		}
	}
	Options struct{ XField string }
}

type target struct {
	RefID         string
	Datasource    source
	EditorType    string
	QueryType     string
	Format        *int
	PluginVersion string
	RawSQL        string
}

type source struct{ Type, UID string }

// chosen is the data source that the board's variable names.
var chosen = source{"grafana-clickhouse-datasource", "${datasource}"}

func (d board) hasVariable(name string) bool {
	for _, v := range d.Templating.List {
		if v.Name == name {
			return true
		}
	}
	return false
}
