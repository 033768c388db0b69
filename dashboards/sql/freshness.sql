-- Freshness: how long ago the newest event happened.
--
-- Whatever the range of the board: it asks whether events still come in. A warehouse that was loaded from files is as old as its files.
--
-- column newest      Nullable(DateTime64(3, 'UTC')) when the newest event happened; NULL without events
-- column age_seconds Nullable(Int64)                seconds since then; 0 for an event dated ahead, NULL without events
SELECT
    if(count() = 0, NULL, max(ts)) AS newest,
    if(newest IS NULL, NULL, greatest(0, dateDiff('second', newest, now64(3, 'UTC')))) AS age_seconds
FROM events
