package queries

// Args is bind, for tests that put a statement into another one.
var Args = Query.bind
