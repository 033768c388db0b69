-- Which touches each conversion of [from, to) is credited to: first, last and linear, side by side. The only place where credit is given.
--
-- A touch is a way in: a session, at its start, or a click on a mail or an ad elsewhere that no session of the same acquisition channel followed within the session
-- time-out (such a click is that session's way in). Touches count for a conversion of the same person that comes at their time or up to
-- `lookback` days later. A direct one counts only when there is no other: it says that somebody came, not how. Touches at the same
-- time are in the order of their names.
-- A conversion without any touch has one row with acquisition 'unattributed'. Credits of a conversion are decimals that add up to exactly 1, and
-- the shares of its amount to exactly the amount: what does not divide goes to the earliest touches.
-- Costs the sessions of the period and of the lookback before it.
CREATE OR REPLACE VIEW attribution_between /*ON CLUSTER*/
(
    person_id     String                         COMMENT 'The person who converted',
    event_id      UUID                           COMMENT 'The conversion',
    kind          LowCardinality(String)         COMMENT 'Kind of the conversion',
    converted_at  DateTime64(3, 'UTC')           COMMENT 'When it happened, UTC',
    touched_at    Nullable(DateTime64(3, 'UTC')) COMMENT 'When the touch began, UTC; NULL when there was none',
    acquisition   String                         COMMENT 'Acquisition channel of the touch; unattributed when there was none',
    campaign      String                         COMMENT 'utm_campaign of the touch; empty when it had none',
    touch         UInt32                         COMMENT 'Number of the touch, from 1, the earliest',
    touches       UInt32                         COMMENT 'Touches of the conversion; 0 when there was none',
    first_credit  Decimal(18, 6)                 COMMENT '1 for the first touch, 0 for the others',
    last_credit   Decimal(18, 6)                 COMMENT '1 for the last touch, 0 for the others',
    linear_credit Decimal(18, 6)                 COMMENT 'An equal share of 1 for each touch',
    amount        Nullable(Decimal(38, 4))       COMMENT 'Worth of the whole conversion in the base currency; NULL when a rate is missing',
    linear_amount Nullable(Decimal(38, 4))       COMMENT 'An equal share of amount for each touch',
    problem       String                         COMMENT 'Why amount is NULL; empty when it is not'
)
AS
WITH
    (SELECT if(session_timeout = 0, 1800, session_timeout) FROM definition) AS timeout,
    toDateTime64({from:DateTime64(3)}, 3, 'UTC') AS since,
    toDateTime64({to:DateTime64(3)}, 3, 'UTC') AS until,
    visits AS
    (
        SELECT person_id AS person, start AS at, end AS last_at, acquisition AS name, utm_campaign AS campaign_name, true AS visit
        FROM sessions_between(from = toDateTime64({from:DateTime64(3)}, 3, 'UTC') - toIntervalDay({lookback:UInt16}), to = {to:DateTime64(3)}, person = '')
    ),
    clicks AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), m.distinct_id) AS person,
            m.ts AS at,
            m.ts AS last_at,
            if(o.acquisition = '', 'other', o.acquisition) AS name,
            toString(m.utm_campaign) AS campaign_name,
            false AS visit
        FROM milestones AS m FINAL
        LEFT JOIN person_ids AS p ON p.distinct_id = m.distinct_id
        LEFT JOIN origin_channels AS o
            ON o.source = lowerUTF8(toString(m.utm_source))
            AND o.medium = multiIf(m.utm_medium != '', lowerUTF8(toString(m.utm_medium)), m.kind = 'email_click', 'email', 'cpc')
            AND o.referrer = ''
        WHERE m.kind IN ('email_click', 'ad_click')
          AND m.channel NOT IN ('web', 'app') -- those are hits of a session
          AND m.ts >= since - toIntervalDay({lookback:UInt16})
          AND m.ts < until
    ),
    known AS
    (
        SELECT person, arraySort(groupArray(CAST(
            (at, name, campaign_name, last_at, visit),
            'Tuple(at DateTime64(3, \'UTC\'), name String, campaign_name String, last_at DateTime64(3, \'UTC\'), visit Bool)'))) AS entries
        FROM
        (
            SELECT person, at, name, campaign_name, last_at, visit FROM visits
            UNION ALL
            SELECT person, at, name, campaign_name, last_at, visit FROM clicks
        )
        GROUP BY person
    ),
    ways AS
    (
        SELECT
            person,
            arrayFilter(entry -> entry.visit, entries) AS sittings,
            arrayFilter(entry -> entry.visit OR NOT arrayExists(
                sitting -> sitting.name = entry.name AND sitting.at - toIntervalSecond(timeout) <= entry.at AND entry.at <= sitting.last_at, sittings), entries) AS all_touches
        FROM known
    ),
    credited AS
    (
        SELECT
            won.person_id AS person,
            won.event_id AS event,
            won.kind AS what,
            won.ts AS happened_at,
            won.amount AS worth,
            won.problem AS trouble,
            arrayFilter(entry -> entry.at <= happened_at AND entry.at >= happened_at - toIntervalDay({lookback:UInt16}), ways.all_touches) AS in_time,
            arrayFilter(entry -> entry.name != 'direct', in_time) AS telling,
            if(empty(telling), in_time, telling) AS counted
        FROM outcomes AS won
        LEFT JOIN ways ON ways.person = won.person_id
        WHERE won.conversion AND won.ts >= since AND won.ts < until
    )
SELECT
    person AS person_id,
    event AS event_id,
    what AS kind,
    happened_at AS converted_at,
    if(empty(counted), NULL, counted[n].at) AS touched_at,
    if(empty(counted), 'unattributed', counted[n].name) AS acquisition,
    if(empty(counted), '', counted[n].campaign_name) AS campaign,
    toUInt32(n) AS touch,
    toUInt32(length(counted)) AS touches,
    greatest(touches, 1) AS parts,
    toDecimal64(n = 1, 6) AS first_credit,
    toDecimal64(n = parts, 6) AS last_credit,
    toDecimal64(intDiv(1000000, parts) + (n <= 1000000 % parts), 6) / 1000000 AS linear_credit,
    worth AS amount,
    toInt128(worth * 10000) AS units,
    toDecimal128(intDiv(units, parts) + (n <= units % parts), 4) / 10000 AS linear_amount,
    trouble AS problem
FROM credited
ARRAY JOIN if(empty(counted), [1], arrayEnumerate(counted)) AS n
SETTINGS join_use_nulls = 0
COMMENT 'Credit of conversions: attribution_between(from = ..., to = ..., lookback = days) (one row per conversion and touch)'
