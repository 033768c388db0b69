package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// LibraryEnv names the environment variable that points to the engine library.
const LibraryEnv = "LIVELLO_ENGINE"

// MissingLibraryError says that the engine library was not found, where it was looked for, and what to do.
type MissingLibraryError struct {
	Looked []string
}

func (e *MissingLibraryError) Error() string {
	return fmt.Sprintf("the ClickHouse engine library (%s) is not there; looked at:\n  %s\n"+
		"run `make engine` in the repository to fetch it, or set %s to the path of an installed one",
		libraryName(), strings.Join(e.Looked, "\n  "), LibraryEnv)
}

func libraryName() string { return "libchdb.so" } // also on macOS: the vendor ships it under this name

// Find returns the path of the engine library. explicit is the configured path: when it is set, only it counts. Otherwise
// the first of these that exists is taken: LIVELLO_ENGINE; beside the executable, in ../lib and in ../engine (so that
// bin/livello of a checkout finds what `make engine` fetched); for test binaries, engine/ beside the go.mod above the
// working directory; /usr/local/lib and /usr/lib. The error is a *MissingLibraryError.
func Find(explicit string) (string, error) {
	return find(explicit, os.Getenv(LibraryEnv), executable(), workingDirectory())
}

func find(explicit, env, exe, cwd string) (string, error) {
	var looked []string
	for _, c := range candidates(explicit, env, exe, cwd) {
		if info, err := os.Stat(c.path); err == nil && !info.IsDir() {
			return c.path, nil
		}
		looked = append(looked, c.path+c.from)
	}
	return "", &MissingLibraryError{Looked: looked}
}

type candidate struct{ path, from string }

func candidates(explicit, env, exe, cwd string) []candidate {
	if explicit != "" {
		return []candidate{{inFolder(explicit), " (configured)"}}
	}
	var list []candidate
	if env != "" {
		// A path that is set but wrong must not fall through to some other version silently.
		return []candidate{{inFolder(env), " (from " + LibraryEnv + ")"}}
	}
	if exe != "" {
		dir := filepath.Dir(exe)
		list = append(list,
			candidate{path: filepath.Join(dir, libraryName())},
			candidate{path: filepath.Join(dir, "..", "lib", libraryName())},
			candidate{path: filepath.Join(dir, "..", "engine", libraryName())})
	}
	if strings.HasSuffix(strings.TrimSuffix(exe, ".exe"), ".test") {
		if root := moduleRoot(cwd); root != "" {
			list = append(list, candidate{path: filepath.Join(root, "engine", libraryName())})
		}
	}
	list = append(list, candidate{path: "/usr/local/lib/" + libraryName()})
	if runtime.GOOS != "darwin" {
		list = append(list, candidate{path: "/usr/lib/" + libraryName()})
	}
	return list
}

// inFolder lets the path of a folder stand for the library in it.
func inFolder(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return filepath.Join(path, libraryName())
	}
	return path
}

func moduleRoot(dir string) string {
	for dir != "" {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
	return ""
}

func executable() string {
	exe, err := os.Executable()
	if err != nil {
		return ""
	}
	if real, err := filepath.EvalSymlinks(exe); err == nil {
		return real
	}
	return exe
}

func workingDirectory() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	return dir
}
