-- Notes the copies of events that lie side by side in events, before a merge leaves one of them. Copies of an event have its
-- key and were received at different times.
INSERT INTO repeats (day, event_id, received_at)
SELECT toDate(ts) AS day, event_id, copy AS received_at
FROM
(
    SELECT distinct_id, ts, event_id, groupUniqArray(received_at) AS copies
    FROM events
    WHERE ts >= toDateTime64({from:Date}, 3, 'UTC') AND ts < toDateTime64({to:Date}, 3, 'UTC')
    GROUP BY distinct_id, ts, event_id
    HAVING length(copies) > 1
)
ARRAY JOIN copies AS copy
SETTINGS optimize_aggregation_in_order = 1, insert_deduplicate = 0, async_insert = 0
