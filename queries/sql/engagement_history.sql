-- Engagement history of a person: everything they did, latest first.
--
-- Any id the person is known by finds all of it: user id, or the anonymous id of a browser they used before they said who they are.
--
-- param  person      String                      any id of the person
-- param  from        DateTime64(3) = 1970-01-01  start, inclusive, UTC; the default is everything
-- param  to          DateTime64(3) = 2100-01-01  end, exclusive, UTC
-- param  limit       UInt32 1..100000 = 100      events at most
-- column ts          DateTime64(3, 'UTC')        when
-- column kind        LowCardinality(String)      what it was
-- column name        LowCardinality(String)      what the sender called it
-- column channel     LowCardinality(String)      where
-- column path        String                      page, if it was on one
-- column content_id  String                      which whitepaper, video, product, mail or post
-- column value       Decimal(18, 4)              money, in units of currency
-- column currency    LowCardinality(String)      ISO 4217
-- column campaign    LowCardinality(String)      utm_campaign
-- column source      LowCardinality(String)      which tool told us
-- column machine     LowCardinality(String)      why it was not a human, or nothing
-- column distinct_id String                      the id it came with
-- column event_id    UUID
WITH
    coalesce(nullIf((SELECT any(person_id) FROM person_ids WHERE distinct_id = {person:String}), ''), {person:String}) AS person,
    -- person_ids says whose an id is. These are the ids it could say it of, found by key, so that it does not have to look at all.
    ids AS
    (
        SELECT distinct_id
        FROM person_ids
        WHERE person_id = person
          AND distinct_id IN (SELECT distinct_id FROM person_pairs WHERE person_id = person)
        UNION ALL
        SELECT person
    )
SELECT
    ts,
    kind,
    name,
    channel,
    path,
    content_id,
    value,
    currency,
    utm_campaign AS campaign,
    source,
    machine,
    distinct_id,
    event_id
FROM events FINAL
WHERE distinct_id IN (SELECT distinct_id FROM ids)
  AND ts >= {from:DateTime64(3)}
  AND ts < {to:DateTime64(3)}
ORDER BY ts DESC, event_id
LIMIT {limit:UInt32}
