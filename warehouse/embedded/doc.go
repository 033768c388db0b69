// Package embedded runs ClickHouse inside this process and speaks the ClickHouse HTTP interface in front of it.
//
// The engine is libchdb.so (ClickHouse as a library), loaded at run time through purego, so the binary needs no cgo and
// starts without the library as long as nobody asks for it. Find says where the library is looked for; fetch.sh gets it.
//
// How the parts fit:
//
//	Engine      the loaded library, one data path, one connection kept open so that the engine stays up
//	session     one engine connection, prepared for a request (database, settings, role); small pool of equal ones
//	Handler     http.Handler with full rights, for our own commands: in process (Transport) and on engine.sock
//	ReadOnly    http.Handler for other programs: user and password, the engine's "reader" role, limits
//	Folder      a data folder: its LOCK, its engine and its engine.sock
//
// Three things about the library decide how this package is written:
//
//   - A streamed result comes as chunks that are each a whole document of the output format, so JSON, CSVWithNames or
//     Parquet fall apart. Results are therefore read through a pipe: the statement runs with INTO OUTFILE '/dev/fd/N',
//     which formats them exactly as a server would, in constant memory, and waits while the client is slow.
//   - A connection runs one statement at a time and cannot be interrupted by its own handle, so a request that is given
//     up is ended with KILL QUERY from another connection, found by the token it carries in log_comment.
//   - The library installs signal handlers. Go's are saved before the first connection and put back after it.
//
// The reader is held by the engine itself where that is possible: role "reader" may SELECT from the databases it was given
// and nothing else, which closes every table function that reads the machine or the network. What the engine has no right
// for (INTO OUTFILE, the function file(), SET ROLE) is refused before the statement runs, by asking the engine's own parser
// what the statement is; see guard.go.
package embedded
