package schema

import (
	"context"
	"io/fs"
)

// Embedded are the files of this binary.
var Embedded fs.FS = embedded

// UpFS is Up with other files.
func UpFS(ctx context.Context, db DB, fsys fs.FS, o Options) ([]string, error) {
	all, err := readFiles(fsys)
	if err != nil {
		return nil, err
	}
	return up(ctx, db, all, o)
}

// StatusFS is Status with other files.
func StatusFS(ctx context.Context, db DB, fsys fs.FS) ([]Item, error) {
	all, err := readFiles(fsys)
	if err != nil {
		return nil, err
	}
	b, err := readBook(ctx, db)
	if err != nil {
		return nil, err
	}
	return status(all, b), nil
}

// Render is render.
var Render = render
