-- The sessions that start in [from, to), of everybody or, with person, of one person. The only place where a session is defined.
--
-- A session is a run of human events on web and app, over all ids of the person, with never more than session_timeout (definitions; 1800 s)
-- between two of them, counted in whole seconds; midnight and the order of arrival do not matter. What came before its start does not matter
-- either, so the time-out before `from` is read to know which runs had already begun. A session that goes on for more than a day
-- after `to` is cut off there; the view sessions, without a period, cuts none.
-- Its origin is the first of its hits that has one: campaign parameters, or another site that led here. What the origin is called is said
-- by the definitions (view origin_channels).
-- An order, or whatever the definitions call a conversion, on any channel, belongs to the session during which it happens or that ended less than
-- the time-out before: at most one, since sessions of a person are further apart than that.
-- Costs the days of the period (visit_day is sorted by day) or, of a person, the granules of the days on which person_day says that they were there.
CREATE OR REPLACE VIEW sessions_between /*ON CLUSTER*/
(
    person_id    String               COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    start        DateTime64(3, 'UTC') COMMENT 'First event of the session, UTC',
    end          DateTime64(3, 'UTC') COMMENT 'Last event of the session, UTC',
    seconds      UInt32               COMMENT 'Whole seconds from the first to the last event; 0 for a session of one event',
    events       UInt32               COMMENT 'Human events on web and app',
    pages        UInt32               COMMENT 'Page views among them',
    entry        String               COMMENT 'Path of the first page view; empty when there was none',
    exit         String               COMMENT 'Path of the last page view; empty when there was none',
    referrer     String               COMMENT 'Address of the other site that led here; empty when none',
    utm_source   String               COMMENT 'Campaign parameter of the origin: who sent the visitor',
    utm_medium   String               COMMENT 'Campaign parameter of the origin: by which medium',
    utm_campaign String               COMMENT 'Campaign parameter of the origin: which campaign',
    acquisition  String               COMMENT 'How the person came, as the definitions call the origin: email, organic_search, ..., direct',
    conversions  UInt32               COMMENT 'Conversions during the session or before its time-out was over',
    converted    Bool                 COMMENT 'Whether there was any'
)
AS
WITH
    (SELECT if(session_timeout = 0, 1800, session_timeout) FROM definition) AS timeout,
    (SELECT conversion_kinds FROM definition) AS wanted,
    toDateTime64('1970-01-01 00:00:00', 3, 'UTC') AS epoch,
    toDate(greatest(toDateTime64({from:DateTime64(3)}, 3, 'UTC') - toIntervalSecond(timeout), epoch)) AS first_day,
    toDate(greatest(toDateTime64({to:DateTime64(3)}, 3, 'UTC'), epoch)) + 1 AS last_day,
    pairs AS
    (
        SELECT distinct_id, person_id
        FROM person_ids
        WHERE {person:String} = '' OR distinct_id IN (SELECT distinct_id FROM person_pairs WHERE person_id = {person:String})
    ),
    ids AS
    (
        SELECT distinct_id
        FROM pairs
        WHERE person_id = {person:String}
        UNION ALL
        SELECT {person:String}
    ),
    runs AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), v.distinct_id) AS person,
            arraySort(groupArrayArray(v.hits)) AS all_hits,
            arrayJoin(arraySplit((hit, gap) -> gap > timeout, all_hits, arrayDifference(arrayMap(hit -> intDiv(toUnixTimestamp64Milli(hit.at), 1000), all_hits)))) AS run
        FROM visit_day AS v
        LEFT JOIN pairs AS p ON p.distinct_id = v.distinct_id
        WHERE v.day >= first_day
          AND v.day <= last_day
          AND ({person:String} = '' OR (v.day, v.distinct_id) IN
              (
                  SELECT day, distinct_id
                  FROM person_day
                  WHERE distinct_id IN (ids) AND day >= first_day AND day <= last_day
              ))
        GROUP BY person
    ),
    named AS
    (
        SELECT
            person,
            run[1].at AS first_at,
            run[-1].at AS last_at,
            length(run) AS hits,
            arrayFilter(hit -> hit.page != '', run).page AS run_pages,
            arrayFirst(hit -> hit.utm_source != '' OR hit.utm_medium != '' OR hit.utm_campaign != '' OR hit.referrer != '', run) AS origin
        FROM runs
        WHERE first_at >= {from:DateTime64(3)} AND first_at < {to:DateTime64(3)}
    ),
    wins AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), m.distinct_id) AS person,
            groupArray(m.ts) AS times
        FROM milestones AS m FINAL
        LEFT JOIN pairs AS p ON p.distinct_id = m.distinct_id
        WHERE m.kind IN wanted
          AND m.ts >= {from:DateTime64(3)}
          AND m.ts <= toDateTime64({to:DateTime64(3)}, 3, 'UTC') + toIntervalDay(2)
          AND ({person:String} = '' OR m.distinct_id IN (ids))
        GROUP BY person
    )
SELECT
    named.person AS person_id,
    named.first_at AS start,
    named.last_at AS end,
    toUInt32(intDiv(toUnixTimestamp64Milli(end) - toUnixTimestamp64Milli(start), 1000)) AS seconds,
    toUInt32(named.hits) AS events,
    toUInt32(length(named.run_pages)) AS pages,
    named.run_pages[1] AS entry,
    named.run_pages[-1] AS exit,
    named.origin.referrer AS referrer,
    named.origin.utm_source AS utm_source,
    named.origin.utm_medium AS utm_medium,
    named.origin.utm_campaign AS utm_campaign,
    if(origin_channels.acquisition = '', 'other', origin_channels.acquisition) AS acquisition,
    toUInt32(arrayCount(at -> at >= start AND intDiv(toUnixTimestamp64Milli(at), 1000) - intDiv(toUnixTimestamp64Milli(end), 1000) <= timeout, wins.times)) AS conversions,
    toBool(conversions > 0) AS converted
FROM named
LEFT JOIN origin_channels
    ON origin_channels.source = lowerUTF8(named.origin.utm_source)
    AND origin_channels.medium = lowerUTF8(named.origin.utm_medium)
    AND origin_channels.referrer = lowerUTF8(cutQueryStringAndFragment(named.origin.referrer))
LEFT JOIN wins ON wins.person = named.person
SETTINGS join_use_nulls = 0
COMMENT 'Sessions that start in a period: sessions_between(from = ..., to = ..., person = ''''); person empty: everybody (one row per session)'
