package embedded

import (
	"runtime"
	"syscall"
	"unsafe"
)

// engineNice is by how much the engine's threads stand back behind those that answer requests. An INSERT, an evaluation and some merges are always ready to
// run, a dozen threads on two processors: with equal rights, whoever asked for a profile waited for a second now and then.
const engineNice = 8

// engineWork goes to a thread that waits for some.
var engineWork = make(chan func())

// onEngineThread has the work done by a thread of the engine's priority, and waits for it. Threads that the engine makes meanwhile inherit that. A thread of Go's
// own cannot be used: without privileges it could never go back to its priority.
func onEngineThread(work func()) {
	done := make(chan struct{})
	job := func() { defer close(done); work() }
	select {
	case engineWork <- job:
	default:
		go engineThread(job)
	}
	<-done
}

// engineThread does this work and then whatever comes. There are as many of these as ever had work at the same time.
func engineThread(job func()) {
	runtime.LockOSThread()
	if syscall.Gettid() == syscall.Getpid() { // the main thread's name and priority are those of the process: while it is locked, another one takes the work
		defer runtime.UnlockOSThread()
		taken := make(chan struct{})
		go engineThread(func() { close(taken); job() })
		<-taken
		return
	}
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, max(engineNice, ownNice())) // one that cannot be set costs nothing but patience
	for ; ; job = <-engineWork {
		job()
	}
}

// ownNice is that of the calling thread, which whoever started the process may have lowered further.
func ownNice() int {
	raw, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err != nil {
		return 0
	}
	return 20 - raw // the system call counts the other way round
}

// standBack has everything that takes the engine's time done on threads of its priority.
func (l *library) standBack() {
	connect, closeConn, query, queryParams := l.connect, l.closeConn, l.query, l.queryParams
	insert, insertAppend, insertDone, insertCancel := l.insert, l.insertAppend, l.insertDone, l.insertCancel
	l.connect = func(argc int32, argv unsafe.Pointer) (handle unsafe.Pointer) {
		onEngineThread(func() { handle = connect(argc, argv) })
		return handle
	}
	l.closeConn = func(conn unsafe.Pointer) { onEngineThread(func() { closeConn(conn) }) }
	l.query = func(conn uintptr, sql unsafe.Pointer, sqlLen uintptr, format unsafe.Pointer, formatLen uintptr) (result uintptr) {
		onEngineThread(func() { result = query(conn, sql, sqlLen, format, formatLen) })
		return result
	}
	l.queryParams = func(conn uintptr, sql unsafe.Pointer, sqlLen uintptr, format unsafe.Pointer, formatLen uintptr,
		names, nameLens, values, valueLens unsafe.Pointer, count uintptr) (result uintptr) {
		onEngineThread(func() {
			result = queryParams(conn, sql, sqlLen, format, formatLen, names, nameLens, values, valueLens, count)
		})
		return result
	}
	l.insert = func(conn uintptr, sql unsafe.Pointer, sqlLen uintptr, format unsafe.Pointer, formatLen uintptr,
		names, nameLens, values, valueLens unsafe.Pointer, count uintptr) (stream uintptr) {
		onEngineThread(func() {
			stream = insert(conn, sql, sqlLen, format, formatLen, names, nameLens, values, valueLens, count)
		})
		return stream
	}
	l.insertAppend = func(stream uintptr, data unsafe.Pointer, n uintptr) (failed int32) {
		onEngineThread(func() { failed = insertAppend(stream, data, n) })
		return failed
	}
	l.insertDone = func(stream uintptr) (result uintptr) {
		onEngineThread(func() { result = insertDone(stream) })
		return result
	}
	l.insertCancel = func(stream uintptr) { onEngineThread(func() { insertCancel(stream) }) }
}
