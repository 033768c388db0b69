-- The events that were accepted since then, whenever they happened. No index knows when events were accepted: one column is read of all.
SELECT
    distinct_id,
    ts,
    event_id,
    kind,
    name,
    channel,
    path,
    content_id,
    value,
    currency,
    machine
FROM events
WHERE received_at >= {since:DateTime64(3)}
  AND kind NOT IN ('identify', 'group', 'alias')
