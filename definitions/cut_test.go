package definitions_test

import (
	"context"
	"errors"
	"io"

	"github.com/livello/livello/warehouse"
)

var errCut = errors.New("cut off")

// cutDB refuses every statement that changes something after so many of them, as if the process had ended.
type cutDB struct {
	*warehouse.Warehouse
	after int
}

func (c *cutDB) cut() error {
	c.after--
	if c.after < 0 {
		return errCut
	}
	return nil
}

func (c *cutDB) Exec(ctx context.Context, query string, args ...any) error {
	if err := c.cut(); err != nil {
		return err
	}
	return c.Warehouse.Exec(ctx, query, args...)
}

func (c *cutDB) InsertFormat(ctx context.Context, format, query string, data io.Reader) error {
	if err := c.cut(); err != nil {
		return err
	}
	return c.Warehouse.InsertFormat(ctx, format, query, data)
}
