//go:build !linux

package embedded

// standBack does nothing where threads have no priority of their own.
func (l *library) standBack() {}
