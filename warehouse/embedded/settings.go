package embedded

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Settings that a reader may send as URL parameters. Drivers send some with every request, so three ways exist: taken over
// (they change how a result looks or make limits tighter), left out and named in X-Livello-Ignored-Settings (they mean
// nothing here), refused (the rest; a name that ClickHouse does not know at all gets its own error).

// readerSettings are taken over as they are.
var readerSettings = map[string]bool{
	"session_timezone": true, "date_time_output_format": true, "date_time_input_format": true,
	"extremes": true, "limit": true, "offset": true, "join_use_nulls": true, "transform_null_in": true,
	"aggregate_functions_null_for_empty": true, "union_default_mode": true, "final": true,
	"prefer_column_name_to_alias": true, "group_by_use_nulls": true, "empty_result_for_aggregation_by_empty_set": true,
	"max_block_size": true, "max_rows_to_read": true, "max_bytes_to_read": true, "read_overflow_mode": true,
	"max_rows_to_group_by": true, "group_by_overflow_mode": true, "max_rows_to_sort": true, "max_bytes_to_sort": true,
	"sort_overflow_mode": true, "result_overflow_mode": true, "timeout_overflow_mode": true, "max_result_bytes": true,
	"max_rows_in_distinct": true, "max_bytes_in_distinct": true, "distinct_overflow_mode": true,
	"max_rows_in_join": true, "max_bytes_in_join": true, "join_overflow_mode": true, "join_algorithm": true,
	"max_bytes_before_external_group_by": true, "max_bytes_before_external_sort": true,
	"max_query_size":     true,
	"cast_keep_nullable": true, "cast_string_to_dynamic_use_inference": true,
	"format_csv_delimiter": true, "format_csv_null_representation": true, "format_tsv_null_representation": true,
	"format_custom_escaping_rule": true, "format_custom_field_delimiter": true, "format_custom_row_before_delimiter": true,
	"format_custom_row_after_delimiter": true, "format_custom_row_between_delimiter": true,
	"format_custom_result_before_delimiter": true, "format_custom_result_after_delimiter": true,
	"format_json_object_each_row_column_for_object_name": true,
	"bool_true_representation":                           true, "bool_false_representation": true,
	"enable_named_columns_in_function_tuple": true, "show_data_lake_catalogs_in_system_tables": true,
	"asterisk_include_alias_columns": true, "asterisk_include_materialized_columns": true,
	"describe_compact_output": true, "describe_include_subcolumns": true,
}

// writesFiles are settings with the prefix of the harmless ones that name a file.
var writesFiles = map[string]bool{"output_format_schema": true}

// ignoredSettings mean nothing here: drivers send them by habit.
var ignoredSettings = map[string]bool{
	"readonly": true, "log_queries": true, "log_comment": true, "log_profile_events": true, "log_query_settings": true,
	"send_progress_in_http_headers": true, "http_headers_progress_interval_ms": true, "send_logs_level": true,
	"cancel_http_readonly_queries_on_client_close": true, "http_response_buffer_size": true,
	"http_write_exception_in_output_format": true, "http_max_field_value_size": true, "http_make_head_request": true,
	"http_send_timeout": true, "http_receive_timeout": true, "http_connection_timeout": true,
	"connect_timeout": true, "receive_timeout": true, "send_timeout": true, "http_keep_alive_timeout": true,
	"async_insert": true, "wait_for_async_insert": true, "async_insert_busy_timeout_ms": true, "insert_deduplicate": true,
	"insert_quorum": true, "insert_deduplication_token": true, "max_insert_block_size": true, "max_insert_threads": true,
	"use_query_cache": true, "query_cache_ttl": true, "query_cache_share_between_users": true,
	"use_uncompressed_cache": true, "load_balancing": true, "max_parallel_replicas": true, "prefer_localhost_replica": true,
	"skip_unavailable_shards": true, "distributed_product_mode": true, "optimize_skip_unused_shards": true,
	"priority": true, "workload": true, "queue_max_wait_ms": true, "max_concurrent_queries_for_user": true,
	"allow_experimental_analyzer": true, "enable_analyzer": true, "allow_introspection_functions": true,
	"allow_experimental_object_type": true, "allow_experimental_json_type": true, "enable_json_type": true,
	"allow_experimental_variant_type": true, "allow_experimental_dynamic_type": true, "enable_dynamic_type": true,
	"enable_variant_type": true, "allow_suspicious_low_cardinality_types": true,
	"input_format_parallel_parsing": true, "input_format_null_as_default": true, "input_format_skip_unknown_fields": true,
	"input_format_native_allow_types_conversion": true, "low_cardinality_allow_in_native_format": true,
	"compile_expressions": true, "network_compression_method": true, "totals_mode": true, "dialect": true,
	"query_profiler_real_time_period_ns": true, "query_profiler_cpu_time_period_ns": true,
}

// settings sorts a reader's settings and adds the limits, which a client can make tighter but not wider.
func (d *readerDoor) settings(q *request) ([]param, error) {
	limits := d.limits()
	var list []param
	for _, p := range q.settings {
		limit := slices.IndexFunc(limits, func(l readerLimit) bool { return l.name == p.name })
		switch {
		case limit >= 0:
			if err := limits[limit].lower(p.value); err != nil {
				return nil, err
			}
		case ignoredSettings[p.name] || strings.HasPrefix(p.name, "input_format_"):
			q.ignored = append(q.ignored, p.name)
		case !d.engine.settings[p.name]:
			return nil, newException(codeUnknownSetting, fmt.Sprintf("Unknown setting '%s'", p.name))
		case readerSettings[p.name] || strings.HasPrefix(p.name, "output_format_") && !writesFiles[p.name]:
			list = append(list, p)
		default:
			return nil, newException(codeReadonly, fmt.Sprintf("Cannot modify '%s' setting in readonly mode: this endpoint does not let clients set it", p.name))
		}
	}
	if q.session != "" {
		q.ignored = append(q.ignored, "session_id")
	}
	slices.Sort(q.ignored)
	slices.SortFunc(list, func(a, b param) int { return strings.Compare(a.name, b.name) }) // one order, one session key
	for _, l := range limits {
		if l.value > 0 {
			list = append(list, param{l.name, strconv.FormatFloat(l.value, 'f', -1, 64)})
		}
	}
	return list, nil
}

// readerLimit is an upper bound; 0 stands for none, as in ClickHouse.
type readerLimit struct {
	name  string
	value float64
}

func (d *readerDoor) limits() []readerLimit {
	o := d.options
	return []readerLimit{
		{"max_execution_time", o.MaxExecutionTime.Round(time.Millisecond).Seconds()},
		{"max_memory_usage", float64(o.MaxMemory)},
		{"max_result_rows", float64(o.MaxResultRows)},
		{"max_threads", 0},
	}
}

func (l *readerLimit) lower(text string) error {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || value < 0 {
		return newException(codeBadArguments, fmt.Sprintf("setting %s must be a number of at least 0, got %q", l.name, text))
	}
	if value > 0 && (l.value == 0 || value < l.value) {
		l.value = value
	}
	return nil
}
