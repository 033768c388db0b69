// What a program with @clickhouse/client does against the read-only endpoint. Prints one JSON object; see client_test.go.
// node client.mjs <folder with node_modules> <url> <user> <password> <database>
// The client logs every error; here they are part of the test.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [modules, url, username, password, database] = process.argv.slice(2)
const { createClient } = createRequire(pathToFileURL(modules + '/'))('@clickhouse/client')
const client = createClient({ url, username, password, database, compression: { response: true }, request_timeout: 60_000, log: { LoggerClass: class { trace() {} debug() {} info() {} warn() {} error() {} } } })
const out = {}

out.ping = (await client.ping()).success
const json = await (await client.query({ query: 'SELECT n, s FROM t ORDER BY n', format: 'JSON' })).json()
out.json = json.data
out.rows = (await (await client.query({ query: 'SELECT n FROM t ORDER BY n', format: 'JSONEachRow' })).json()).length
out.csv = await (await client.query({ query: 'SELECT n, s FROM t ORDER BY n', format: 'CSVWithNames' })).text()
out.params = (await (await client.query({
  query: 'SELECT {n: UInt64} AS n, {s: String} AS s, {a: Array(String)} AS a', format: 'JSONEachRow',
  query_params: { n: 7, s: "it's\ta \\ tab", a: ["x'y", 'z'] },
})).json())[0]
out.settings = (await (await client.query({
  query: "SELECT getSetting('max_block_size') AS m", format: 'JSONEachRow',
  clickhouse_settings: { max_block_size: '99', wait_end_of_query: 1, send_progress_in_http_headers: 1 },
})).json())[0].m

let streamed = 0
const set = await client.query({ query: 'SELECT number FROM numbers(500000)', format: 'JSONCompactEachRow' })
for await (const rows of set.stream()) streamed += rows.length
out.streamed = streamed

const code = async (promise) => { try { await promise; return 'no error' } catch (e) { return e.code ?? String(e) } }
out.unknown_table = await code(client.query({ query: 'SELECT * FROM nowhere' }))
out.ddl = await code(client.command({ query: 'CREATE TABLE u (a Int8) ENGINE = Memory' }))
out.insert = await code(client.insert({ table: 't', values: [{ n: 1, s: 'x' }], format: 'JSONEachRow' }))
out.middle = await code((async () => {
  const set = await client.query({ query: "SELECT throwIf(number = 3000000, 'too far') FROM numbers(5000000)", format: 'JSONCompactEachRow' })
  for await (const rows of set.stream()) streamed += rows.length
})())

const abort = new AbortController()
const cancelled = code(client.query({ query: 'SELECT count() AS node_cancels FROM numbers(1000000000000) WHERE sipHash64(number) = 1', abort_signal: abort.signal }))
for (;;) {
  const running = await (await client.query({ query: "SELECT count() AS c FROM system.processes WHERE query LIKE '%node_cancels%' AND query NOT LIKE '%system.processes%'", format: 'JSONEachRow' })).json()
  if (Number(running[0].c) > 0) break
}
abort.abort()
out.cancelled = await cancelled

await client.close()
console.log(JSON.stringify(out))
