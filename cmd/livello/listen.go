package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/labstack/echo/v4"
)

// Names of what a running service puts into its data folder for our own commands.
const (
	socketName = "api.sock"
	factsName  = "service.json"
)

// facts is service.json: where a running service can be reached. It holds no secret.
type facts struct {
	PID     int    `json:"pid"`
	Version string `json:"version"`
	API     string `json:"api"`           // http://host:port
	SQL     string `json:"sql,omitempty"` // the same, empty when off
}

// listen opens a TCP port for a setting, with an error that says which setting.
func listen(setting, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: another program listens on %s; choose another address or port 0 for a free one", setting, addr)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	return l, nil
}

// clientIP is where a request comes from: the other end of its connection, or, when that is a trusted proxy, the last address in
// X-Forwarded-For that is none. Anybody can send that header, so nothing is trusted that was not named, not even this machine.
func clientIP(proxies []string) echo.IPExtractor {
	ranges, _ := trustedRanges(proxies) // checked by validate
	if len(ranges) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, r := range ranges {
		trust = append(trust, echo.TrustIPRange(r))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}

// trustedRanges reads the setting trusted_proxies: addresses and ranges of them.
func trustedRanges(proxies []string) ([]*net.IPNet, error) {
	var ranges []*net.IPNet
	for _, text := range proxies {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address, err := netip.ParseAddr(text)
			if err != nil {
				return nil, fmt.Errorf("%q is neither an address nor a range: write 10.0.0.5 or 10.0.0.0/8", text)
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		if prefix.Bits() == 0 {
			return nil, fmt.Errorf("%s would let every sender say where it is", prefix)
		}
		prefix = prefix.Masked()
		ranges = append(ranges, &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())})
	}
	return ranges, nil
}

// listenLocal opens the unix socket in the data folder, for this user only. Whoever holds the folder's lock may remove the
// socket that a killed process left behind.
func listenLocal(data string) (net.Listener, error) {
	path := filepath.Join(data, socketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove the old %s: %w", socketName, err)
	}
	// The socket must never exist with wider rights: it is made in a folder that is closed to others, then moved.
	dir, err := os.MkdirTemp(data, ".sock-")
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", socketName, err)
	}
	defer os.RemoveAll(dir)
	address, done, err := unixAddress(filepath.Join(dir, "s"))
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: address, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", socketName, err)
	}
	l.SetUnlinkOnClose(false) // by its first name, which is gone
	if err := errors.Join(os.Chmod(filepath.Join(dir, "s"), 0o600), os.Rename(filepath.Join(dir, "s"), path)); err != nil {
		l.Close()
		return nil, fmt.Errorf("make %s: %w", socketName, err)
	}
	return l, nil
}

// unixAddress is a name for the socket at path that is short enough for the kernel (104 bytes on macOS, 108 on Linux). On Linux a long
// path is reached through an open descriptor of its folder, which done closes.
func unixAddress(path string) (address string, done func(), err error) {
	if len(path) < 104 {
		return path, func() {}, nil
	}
	if runtime.GOOS != "linux" {
		return "", nil, fmt.Errorf("%s is too long for a socket: choose a data folder with a shorter path", path)
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, fmt.Errorf("reach socket %s: %w", path, err)
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), filepath.Base(path)), func() { folder.Close() }, nil
}

// address is the URL of a listener as a client on this machine can use it.
func address(l net.Listener) string {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return "http://" + l.Addr().String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// writeFacts replaces service.json as a whole, so that a reader never sees half of it.
func writeFacts(data string, f facts) error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", factsName, err)
	}
	path := filepath.Join(data, factsName)
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", factsName, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write %s: %w", factsName, err)
	}
	return nil
}

func readFacts(data string) (facts, error) {
	var f facts
	text, err := os.ReadFile(filepath.Join(data, factsName))
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		return f, fmt.Errorf("read %s: %w", factsName, err)
	}
	return f, nil
}
