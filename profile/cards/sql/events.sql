-- What is told of events. What follows says of which.
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
WHERE kind NOT IN ('identify', 'group', 'alias')
