-- The events of ids from one to before another, an empty one being the end, in the order of ids.
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
WHERE distinct_id >= {from:String}
  AND ({end:String} = '' OR distinct_id < {end:String})
  AND kind NOT IN ('identify', 'group', 'alias')
ORDER BY distinct_id
