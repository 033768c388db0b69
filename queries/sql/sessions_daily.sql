-- Sessions by day and acquisition channel: how many, how deep, and how many converted.
--
-- A session counts on the UTC day it starts. A bounce is a session with at most one page view and no conversion. Counts and seconds add up
-- over rows; people do not.
--
-- param  from            DateTime64(3) = now-30d  start, inclusive, UTC
-- param  to              DateTime64(3) = now      end, exclusive, UTC
-- column day             Date                     day the sessions started, UTC
-- column acquisition     String                   email, organic_search, ..., direct
-- column sessions        UInt64                   sessions
-- column people          UInt64                   people who had them
-- column pages           UInt64                   page views in them
-- column seconds         UInt64                   their length in all
-- column bounces         UInt64                   sessions that went no further than one page
-- column converted       UInt64                   sessions with a conversion
-- column bounce_rate     Float64                  bounces / sessions, 0..1
-- column conversion_rate Float64                  converted / sessions, 0..1
SELECT
    toDate(visits.start) AS day,
    visits.acquisition AS acquisition,
    count() AS sessions,
    uniqExact(visits.person_id) AS people,
    sum(visits.pages) AS pages,
    sum(visits.seconds) AS seconds,
    countIf(visits.pages <= 1 AND NOT visits.converted) AS bounces,
    countIf(visits.converted) AS converted,
    round(bounces / sessions, 6) AS bounce_rate,
    round(converted / sessions, 6) AS conversion_rate
FROM sessions_between(from = {from:DateTime64(3)}, to = {to:DateTime64(3)}, person = '') AS visits
GROUP BY day, acquisition
ORDER BY day, sessions DESC, acquisition
