-- The newest events of some ids, and how often each acted on which channel and in which hour (UTC).
-- Acting is what the person did, not what merely reached them, as in person_day.
WITH
    kind NOT IN ('email_sent', 'email_delivered', 'email_bounce', 'ad_impression', 'social_impression', 'experiment_exposure') AND machine = '' AS acted
SELECT
    distinct_id,
    groupArraySorted({events:UInt8})((-toUnixTimestamp64Milli(ts), event_id, toString(kind), toString(name), toString(channel), path, content_id, value, toString(currency), toString(machine))) AS newest,
    sumMapIf(map(toString(channel), toUInt64(1)), acted) AS channels,
    sumMapIf(map(toHour(ts), toUInt64(1)), acted) AS hours
FROM events
WHERE distinct_id IN {ids:Array(String)}
  AND ts >= {from:DateTime64(3)}
  AND kind NOT IN ('identify', 'group', 'alias')
GROUP BY distinct_id
SETTINGS max_threads = 1 -- a few granules of a dozen parts: sharing them out costs more than it saves
