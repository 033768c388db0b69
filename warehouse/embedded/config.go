package embedded

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Roles of the engine's one user. Every session has both; a reader's session gives up the owner's with SET ROLE, which it
// cannot take back because only statements that the guard lets through reach the engine.
const (
	roleOwner  = "owner"
	roleReader = "reader"
)

// writeConfig writes the engine's configuration into its folder, anew at every start, and returns the path of the main
// file. It holds no secrets.
func writeConfig(path string, o Options) (string, error) {
	databases := o.ReadDatabases
	if len(databases) == 0 {
		databases = []string{"livello*"}
	}
	var grants strings.Builder
	for _, database := range databases {
		fmt.Fprintf(&grants, "        <query>GRANT SHOW, SELECT, dictGet ON %s.*</query>\n", xmlText(quoteDatabase(database)))
	}
	users := fmt.Sprintf(`<clickhouse>
  <profiles>
    <default>
      <constraints>
        <allow_introspection_functions><const/></allow_introspection_functions>
      </constraints>
    </default>
  </profiles>
  <roles>
    <%[1]s><grants>
        <query>GRANT ALL ON *.* WITH GRANT OPTION</query>
    </grants></%[1]s>
    <%[2]s><grants>
%[3]s    </grants></%[2]s>
  </roles>
  <users>
    <default>
      <password></password>
      <networks><ip>::/0</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants><query>GRANT %[1]s</query><query>GRANT %[2]s</query></grants>
    </default>
  </users>
  <quotas><default/></quotas>
</clickhouse>
`, roleOwner, roleReader, grants.String())

	usersFile := filepath.Join(path, "livello-users.xml")
	memory := ""
	if o.MaxMemory > 0 {
		memory = fmt.Sprintf("  <max_server_memory_usage>%d</max_server_memory_usage>\n", o.MaxMemory)
	}
	// Sized for a laptop or a small server next to the rest of this process; a large installation uses a server.
	// max_compress_block_size is the size of two write buffers for each of some eighty streams of a wide part, 1 MiB out of the box:
	// with a quarter of it an INSERT of 250,000 events takes 206 MiB instead of 448 and the largest merge 25 instead of 72.
	// auto_statistics_types: out of the box every merge counts the distinct values of every column, 6 % of its time, for joins that nobody writes here.
	config := fmt.Sprintf(`<clickhouse>
  <users_config>%s</users_config>
  <max_server_memory_usage_to_ram_ratio>0.75</max_server_memory_usage_to_ram_ratio>
%s  <mark_cache_size>268435456</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <index_mark_cache_size>67108864</index_mark_cache_size>
  <mmap_cache_size>1024</mmap_cache_size>
  <merge_tree>
    <max_compress_block_size>262144</max_compress_block_size>
    <auto_statistics_types></auto_statistics_types>
  </merge_tree>
  <background_pool_size>4</background_pool_size>
  <background_merges_mutations_concurrency_ratio>2</background_merges_mutations_concurrency_ratio>
  <background_schedule_pool_size>8</background_schedule_pool_size>
  <background_fetches_pool_size>1</background_fetches_pool_size>
  <background_move_pool_size>1</background_move_pool_size>
  <background_common_pool_size>2</background_common_pool_size>
  <background_distributed_schedule_pool_size>1</background_distributed_schedule_pool_size>
  <background_message_broker_schedule_pool_size>1</background_message_broker_schedule_pool_size>
  <tables_loader_background_pool_size>1</tables_loader_background_pool_size>
</clickhouse>
`, xmlText(usersFile), memory)

	configFile := filepath.Join(path, "livello-config.xml")
	for name, text := range map[string]string{usersFile: users, configFile: config} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return "", fmt.Errorf("write engine configuration: %w", err)
		}
	}
	return configFile, nil
}

// quoteDatabase quotes a database name for GRANT; a trailing * stays outside the quotes, where it is a wildcard.
func quoteDatabase(name string) string {
	stem, wild := strings.CutSuffix(name, "*")
	quoted := "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(stem) + "`"
	if wild {
		quoted += "*"
	}
	return quoted
}

func xmlText(s string) string {
	var b strings.Builder
	// EscapeText only fails when the writer does, and a strings.Builder does not.
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}
