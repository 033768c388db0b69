-- Data trust: what verifications found, latest first, and what is known to be wrong. Nothing wrong: what was accepted, what is stored and what rollups count add up.
--
-- The service verifies by itself (verify.every), and `livello verify` does it at once; docs/reliability.md says what is compared.
-- A run looks at some days. What one found wrong stays known, and counts in wrong, until a later one has compared it again and found it right.
-- Whatever the time of the events: it asks how far the numbers can be trusted now.
--
-- param  limit         UInt32 1..10000 = 10 most rows; the first is the latest verification
-- column at            DateTime64(3, 'UTC') when the verification ended
-- column from_day      Date                 first day that was compared
-- column to_day        Date                 the day after the last one
-- column days          UInt32               days with events in between
-- column events        UInt64               events stored for these days
-- column sums          UInt64               numbers that were compared
-- column differences   UInt32               numbers that this verification found not to be what they should be, and files of the spool that nobody loads
-- column details       String               the first of them, a line each
-- column took          Float64              seconds it took
-- column whole         UInt8                1 when it compared everything
-- column wrong         UInt64               what is known to be wrong now, whichever verification found it; the same in each row
-- column wrong_details String               the first of that, a line each; the same in each row
WITH
    (
        SELECT tuple(sum(numbers), arrayStringConcat(arraySlice(arraySort(groupArray(details)), 1, 20), '\n'))
        FROM known_differences FINAL
        WHERE numbers > 0
    ) AS known
SELECT at, from_day, to_day, days, events, sums, differences, details, took, whole, assumeNotNull(known).1 AS wrong, assumeNotNull(known).2 AS wrong_details
FROM verifications
ORDER BY at DESC, from_day, to_day, days, events, sums, differences, details, took, whole
LIMIT {limit:UInt32}
