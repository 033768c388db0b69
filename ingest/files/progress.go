package files

import (
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Progress is told how far a load is. Its methods are called from one goroutine.
type Progress interface {
	Start(file string, size int64) // size in bytes, as the file lies on disk
	Read(bytes int64)              // more of the file was read
	Done()                         // with the file, for better or worse
}

type noProgress struct{}

func (noProgress) Start(string, int64) {}
func (noProgress) Read(int64)          {}
func (noProgress) Done()               {}

// NewBar returns a progress bar for w, or one that prints nothing when w is not a terminal.
func NewBar(w io.Writer) Progress {
	if f, ok := w.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return noProgress{}
	}
	return &bar{w: w}
}

// bar is a progress bar over the bytes of one file at a time.
type bar struct {
	w   io.Writer
	bar *progressbar.ProgressBar
}

func (b *bar) Start(file string, size int64) {
	b.bar = progressbar.NewOptions64(max(size, 1),
		progressbar.OptionSetWriter(b.w),
		progressbar.OptionSetDescription(filepath.Base(file)),
		progressbar.OptionShowBytes(true),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionClearOnFinish(),
	)
}

// What goes wrong while drawing is no reason to stop loading.
func (b *bar) Read(bytes int64) { _ = b.bar.Add64(bytes) }
func (b *bar) Done()            { _ = b.bar.Clear() }
