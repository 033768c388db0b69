-- Feeds visit_day from every insert into events: the events that person_day counts as visit_times. Nothing here can throw.
-- A page view without a path (a screen of an app) is known by its name; without that it is the start page.
CREATE MATERIALIZED VIEW IF NOT EXISTS visit_day_mv /*ON CLUSTER*/ TO visit_day
(
    distinct_id String                                                  COMMENT 'User id, or anonymous id of a visitor who is not logged in',
    day         Date                                                    COMMENT 'Day of the hits, UTC',
    hits        SimpleAggregateFunction(groupArrayArray, Array(Tuple(at DateTime64(3, 'UTC'), page String, utm_source String, utm_medium String, utm_campaign String, referrer String)))
                                                                        COMMENT 'Human events on channels web and app, in no order: when, path of a page view, campaign parameters, address of another site that led here'
)
AS
SELECT
    distinct_id,
    toDate(ts) AS day,
    groupArray((
        ts,
        if(kind = 'page_view', multiIf(path != '', path, name != '', toString(name), '/'), ''),
        toString(utm_source),
        toString(utm_medium),
        toString(utm_campaign),
        if(referrer = '' OR domain(referrer) = domain(url), '', referrer))) AS hits
FROM events
WHERE machine = '' AND channel IN ('web', 'app') AND kind NOT IN ('identify', 'group', 'alias')
GROUP BY distinct_id, day
COMMENT 'Feeds visit_day from inserts into events'
