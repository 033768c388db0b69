-- Lead origins: where leads came from, and how many of them were won.
--
-- A lead is a person with a lead_created event within the range; the first one says the origin: its property `origin`, or utm_source. Won are
-- those with an opportunity_won at any time after it. Below 15 leads the note says "too few to tell".
--
-- param  from     DateTime64(3) = 1970-01-01  start, inclusive, UTC; the default is everything
-- param  to       DateTime64(3) = 2100-01-01  end, exclusive, UTC
-- column origin   String                      empty when the sender gave none
-- column leads    UInt64                      people
-- column share    Float64                     of all leads, 0..1
-- column won      UInt64                      of these leads, people with a won opportunity
-- column won_rate Float64                     won / leads, 0..1
-- column won_low  Float64                     lower end of its Wilson 95 % interval
-- column won_high Float64                     upper end
-- column note     String                      too few to tell, or nothing
WITH
    1.959963984540054 AS z,
    (k, n) -> (k + z * z / 2) / (n + z * z) AS wilson_centre,
    (k, n) -> z * sqrt(k * (n - k) / n + z * z / 4) / (n + z * z) AS wilson_reach,
    leads AS
    (
        SELECT
            person_id,
            min(ts) AS created_at,
            argMin(if(properties['origin'] = '', utm_source, properties['origin']), (ts, event_id)) AS origin
        FROM engagement_history
        WHERE kind = 'lead_created'
          AND machine = ''
          AND ts >= {from:DateTime64(3)}
          AND ts < {to:DateTime64(3)}
        GROUP BY person_id
    ),
    wins AS
    (
        SELECT
            person_id,
            max(ts) AS won_at
        FROM engagement_history
        WHERE kind = 'opportunity_won'
          AND machine = ''
          AND ts >= {from:DateTime64(3)}
        GROUP BY person_id
    )
SELECT
    toString(leads.origin) AS origin,
    count() AS leads,
    round(leads / sum(leads) OVER (), 6) AS share,
    countIf(wins.won_at >= leads.created_at) AS won,
    round(won / leads, 6) AS won_rate,
    round(wilson_centre(won, leads) - wilson_reach(won, leads), 6) AS won_low,
    round(wilson_centre(won, leads) + wilson_reach(won, leads), 6) AS won_high,
    if(leads < 15, 'too few to tell', '') AS note
FROM leads
LEFT JOIN wins ON wins.person_id = leads.person_id
GROUP BY origin
ORDER BY leads DESC, origin
