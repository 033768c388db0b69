package schema

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql views/*.sql
var embedded embed.FS

// Kinds of files.
const (
	KindMigration = "migration"
	KindView      = "view"
)

// file is one SQL statement.
type file struct {
	kind     string // KindMigration or KindView
	version  uint32
	name     string // of a view: the view's name
	path     string // migrations/0001_events.sql
	text     string
	checksum string // SHA-256 of text, hexadecimal
}

// files are everything a binary brings, in the order in which it is applied.
type files struct {
	migrations []file
	views      []file
}

var fileName = regexp.MustCompile(`^(\d+)_([a-z0-9_]+)\.sql$`)

// readFiles reads migrations/ and views/ of fsys. A name that is not NNNN_what.sql and a number given twice are errors.
func readFiles(fsys fs.FS) (files, error) {
	var all files
	for _, folder := range []struct {
		kind, dir string
		into      *[]file
	}{{KindMigration, "migrations", &all.migrations}, {KindView, "views", &all.views}} {
		entries, err := fs.ReadDir(fsys, folder.dir) // sorted by name, and numbers have leading zeros
		if err != nil {
			return files{}, fmt.Errorf("read %s: %w", folder.dir, err)
		}
		for _, entry := range entries {
			p := path.Join(folder.dir, entry.Name())
			parts := fileName.FindStringSubmatch(entry.Name())
			if parts == nil {
				return files{}, fmt.Errorf("%s: the name of a file here is a number, an underscore and what it is: 0001_events.sql", p)
			}
			version, err := strconv.ParseUint(parts[1], 10, 32)
			if err != nil {
				return files{}, fmt.Errorf("%s: %w", p, err)
			}
			before := *folder.into
			if len(before) > 0 && before[len(before)-1].version >= uint32(version) {
				return files{}, fmt.Errorf("%s: its number does not come after that of %s", p, before[len(before)-1].path)
			}
			text, err := fs.ReadFile(fsys, p)
			if err != nil {
				return files{}, fmt.Errorf("read %s: %w", p, err)
			}
			sum := sha256.Sum256(text)
			*folder.into = append(*folder.into, file{
				kind: folder.kind, version: uint32(version), name: parts[2], path: p,
				text: string(text), checksum: hex.EncodeToString(sum[:]),
			})
		}
	}
	return all, nil
}

var clusterName = regexp.MustCompile(`^[A-Za-z0-9_.{}-]+$`)

// render fills the placeholders of a file's text. On a single node they stay what they are, comments.
func render(text, cluster string) (string, error) {
	if cluster == "" {
		return text, nil
	}
	if !clusterName.MatchString(cluster) {
		return "", fmt.Errorf("cluster %q: a name holds letters, digits and _ . - { } only", cluster)
	}
	return strings.NewReplacer("/*ON CLUSTER*/", "ON CLUSTER '"+cluster+"'", "/*Replicated*/", "Replicated").Replace(text), nil
}
