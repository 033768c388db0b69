-- Data trust: what verifications found, latest first. No differences: receipts, events and rollups add up.
--
-- The service verifies by itself (verify.every), and `livello verify` does it at once; docs/reliability.md says what is compared.
-- Whatever the time of the events: it asks how far the numbers can be trusted now.
--
-- param  limit       UInt32 1..10000 = 10 most rows; the first is the latest verification
-- column at          DateTime64(3, 'UTC') when the verification ended
-- column from_day    Date                 first day that was compared
-- column to_day      Date                 the day after the last one
-- column days        UInt32               days with events in between
-- column events      UInt64               events stored for these days
-- column sums        UInt64               numbers that were compared
-- column differences UInt32               numbers that were not what they should be
-- column details     String               the first differences, a line each
-- column took        Float64              seconds it took
SELECT at, from_day, to_day, days, events, sums, differences, details, took
FROM verifications
ORDER BY at DESC, from_day, to_day, days, events, sums, differences, details, took
LIMIT {limit:UInt32}
