package embedded

// ChangedSignals runs f and says which signals have another action afterwards.
func ChangedSignals(f func() error) ([]int, error) {
	before, err := saveSignals()
	if err != nil {
		return nil, err
	}
	if err := f(); err != nil {
		return nil, err
	}
	return before.changed()
}
