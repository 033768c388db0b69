-- Rejected records: why records were refused lately, the most frequent reason first.
--
-- From the quarantine, which keeps rejected records for 30 days. A record that its sender repeats is rejected, and counts, every time.
-- Records that were sent again with `livello quarantine replay`, and taken, are in replayed. The example is the latest record of the reason.
--
-- param  from     DateTime64(3) = now-7d       start of arrival, inclusive, UTC
-- param  to       DateTime64(3) = now          end of arrival, exclusive, UTC
-- param  limit    UInt32 1..10000 = 20         reasons at most
-- column source    LowCardinality(String)      which write key or file mapping they came with
-- column code      LowCardinality(String)      missing, type, value, too_long, too_many, time, utf8 or syntax
-- column field     String                      at fault, as the sender calls it; empty: the record as a whole
-- column records   UInt64                      rejected
-- column replayed  UInt64                      of these, sent again and taken
-- column last_seen DateTime64(3, 'UTC')        when the latest arrived
-- column reason    String                      of the example
-- column example   String                      its first 200 characters
WITH
    sent_again AS
    (
        SELECT id
        FROM quarantine_replays
        WHERE at >= {from:DateTime64(3)}
    )
SELECT
    source,
    code,
    field,
    sum(records) AS records,
    countIf(id IN (SELECT id FROM sent_again)) AS replayed,
    max(at) AS last_seen,
    argMax(rejected.reason, (payload != '', at, id)) AS reason,
    argMax(substringUTF8(toValidUTF8(substring(payload, 1, 800)), 1, 200), (payload != '', at, id)) AS example
FROM quarantine AS rejected
WHERE at >= {from:DateTime64(3)}
  AND at < {to:DateTime64(3)}
GROUP BY source, code, field
ORDER BY records DESC, last_seen DESC, source, code, field
LIMIT {limit:UInt32}
