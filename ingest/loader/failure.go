package loader

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
)

// fault says where the reason of a failed attempt lies.
type fault string

const (
	away    fault = "away"    // ClickHouse or the way to it: the segment has no part in it
	refused fault = "refused" // ClickHouse answered that it does not take these bytes
	damaged fault = "damaged" // the segment's file is not what was written
	local   fault = "local"   // the file cannot be opened, or renamed, now
)

// unreadableError says that a segment could not be read before anything of it was sent.
type unreadableError struct{ err error }

func (e *unreadableError) Error() string { return e.err.Error() }
func (e *unreadableError) Unwrap() error { return e.err }

// unmarkedError says that the spool could not note that the segment is being sent, so nothing of it was.
type unmarkedError struct{ err error }

func (e *unmarkedError) Error() string { return e.err.Error() }
func (e *unmarkedError) Unwrap() error { return e.err }

// faultOf judges a failed attempt. What ClickHouse answers with a code that is not in temporary is taken for the segment's fault,
// also a code that nobody has seen yet: that is safe, because a refused segment is set aside only when another one is taken.
func faultOf(err error) fault {
	var unreadable *unreadableError
	if errors.As(err, &unreadable) {
		var path *fs.PathError
		if errors.As(err, &path) && !errors.Is(err, syscall.EIO) {
			return local
		}
		return damaged
	}
	var unmarked *unmarkedError
	if errors.As(err, &unmarked) {
		return local
	}
	var answer *clickhouse.Exception
	if errors.As(err, &answer) {
		if temporary[proto.Error(answer.Code)] {
			return away
		}
		return refused
	}
	var status *clickhouse.HTTPError
	if errors.As(err, &status) && status.StatusCode == http.StatusRequestEntityTooLarge {
		return refused // by a proxy in front
	}
	return away
}

// Refused says of the reason why loading fails that ClickHouse answered, and does not take the data.
func Refused(err error) bool { return err != nil && faultOf(err) == refused }

// Unreachable says of an error of the database that nobody was there to answer, or that the server is starting or stopping: asking
// again later is the right thing to do.
func Unreachable(err error) bool {
	if code := codeOf(err); code != 0 {
		return starting[proto.Error(code)]
	}
	var status *clickhouse.HTTPError
	if errors.As(err, &status) { // of a proxy in front
		return status.StatusCode == http.StatusBadGateway || status.StatusCode == http.StatusServiceUnavailable || status.StatusCode == http.StatusGatewayTimeout
	}
	var network net.Error // a timeout is one, too
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, clickhouse.ErrAcquireConnTimeout) ||
		errors.Is(err, errStalled)
}

// starting are answers of a server that is there, but not yet or no longer for us.
var starting = set(proto.ErrAborted, proto.ErrAsyncLoadWaitFailed, proto.ErrServerOverloaded, proto.ErrTooManySimultaneousQueries, proto.ErrNetworkError,
	proto.ErrNoZookeeper, proto.ErrKeeperException)

// codeOf is ClickHouse's code in err, or 0.
func codeOf(err error) int {
	var answer *clickhouse.Exception
	if errors.As(err, &answer) {
		return int(answer.Code)
	}
	return 0
}

// temporary are ClickHouse's answers that cannot lie in the segment: it is overloaded, starting, full, or set up so that it takes
// no segment at all (no table, no rights).
var temporary = set(
	// Overloaded.
	proto.ErrTimeoutExceeded, proto.ErrTooSlow, proto.ErrTooManySimultaneousQueries, proto.ErrTooManyParts, proto.ErrServerOverloaded,
	proto.ErrMemoryLimitExceeded, proto.ErrCannotAllocateMemory, proto.ErrCannotScheduleTask, proto.ErrQuotaExceeded, proto.ErrNoFreeConnection,
	proto.ErrReceivedErrorTooManyRequests, proto.ErrDeadlockAvoided,
	// Interrupted.
	proto.ErrAborted, proto.ErrQueryWasCancelled, proto.ErrQueryWasCancelledByClient, proto.ErrUnknownStatusOfInsert, proto.ErrAsyncLoadWaitFailed,
	// Its disk or object store.
	proto.ErrNotEnoughSpace, proto.ErrCannotOpenFile, proto.ErrCannotReadFromFileDescriptor, proto.ErrCannotWriteToFileDescriptor,
	proto.ErrSystemError, proto.ErrS3Error,
	// Its network, Keeper and replicas.
	proto.ErrDNSError, proto.ErrSocketTimeout, proto.ErrNetworkError, proto.ErrCannotReadFromSocket, proto.ErrCannotWriteToSocket, proto.ErrPocoException,
	proto.ErrNoZookeeper, proto.ErrKeeperException, proto.ErrAllConnectionTriesFailed, proto.ErrNoActiveReplicas, proto.ErrTooFewLiveReplicas,
	proto.ErrUnsatisfiedQuorumForPreviousWrite, proto.ErrReplicaIsNotInQuorum, proto.ErrAllReplicasLost, proto.ErrReplicaStatusChanged,
	// Set up so that it takes nothing.
	proto.ErrReadonly, proto.ErrTableIsReadOnly, proto.ErrTableIsDropped, proto.ErrUnknownTable, proto.ErrUnknownDatabase,
	proto.ErrUnknownUser, proto.ErrWrongPassword, proto.ErrRequiredPassword, proto.ErrIPAddressNotAllowed,
	proto.ErrAuthenticationFailed, proto.ErrAccessDenied, proto.ErrDatabaseAccessDenied,
)

func set(codes ...proto.Error) map[proto.Error]bool {
	m := make(map[proto.Error]bool, len(codes))
	for _, code := range codes {
		m[code] = true
	}
	return m
}

// errStalled ends an INSERT when ClickHouse answers nothing at all any more.
var errStalled = errors.New("ClickHouse has stopped answering in the middle of an INSERT")

func stalled(probe error) error { return fmt.Errorf("%w: %w", errStalled, probe) }
