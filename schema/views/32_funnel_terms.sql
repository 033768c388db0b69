-- What metrics are made of: sums per day and channel that add up over days and channels. All come from rollups; none reads events.
--
--   events:<kind>             human events, such as events:email_click
--   value:<kind>              their value in the base currency; of refund what was given back
--   survey:nps_promoters, nps_passives, nps_detractors, nps_responses, csat_satisfied, csat_responses; review:positive, review:all
--   measurement:<kind>        what was measured: money in the base currency; of followers, subscribers, members and level_* the change
--                             since the measurement before (the first one changes nothing), because a level does not add up over days
--   person:<what>, session:<what>  see customer_terms and activity_terms_between; kept in person_term_days by the service
--
-- Money is converted as daily_rates says: with the last rate at or before its day, of the seven days that end with it. Without one
-- the amount is NaN, and so is every sum that it is in: a missing rate is seen, never a silent zero.
CREATE OR REPLACE VIEW funnel_terms /*ON CLUSTER*/
(
    day     Date    COMMENT 'Day, UTC',
    channel String  COMMENT 'Where it happened; empty when it belongs to no single channel',
    term    String  COMMENT 'What is summed: events:page_view, value:purchase, measurement:ad_spend, ... (docs/metrics.md)',
    amount  Float64 COMMENT 'How many or how much; money in the base currency; NaN when it cannot be told, see problem',
    problem String  COMMENT 'Why amount is NaN: which rate is missing for which day; empty when it is not'
)
AS
WITH
    (SELECT toString(base_currency) FROM definition) AS base_code,
    money AS
    (
        SELECT
            toDate(hour) AS money_day,
            toString(channel) AS money_channel,
            concat('value:', toString(kind)) AS money_term,
            toString(currency) AS code,
            toFloat64(sum(value)) AS money_amount
        FROM channel_hour
        GROUP BY money_day, money_channel, money_term, code
        HAVING sum(value) != 0
        UNION ALL
        SELECT
            toDate(ts) AS money_day,
            toString(channel) AS money_channel,
            concat('measurement:', toString(kind)) AS money_term,
            toString(currency) AS code,
            toFloat64(sum(value)) AS money_amount
        FROM measurements FINAL
        WHERE currency != '' AND kind != 'exchange_rate'
        GROUP BY money_day, money_channel, money_term, code
    ),
    converted AS
    (
        SELECT
            money.money_day AS money_day,
            money.money_channel AS money_channel,
            money.money_term AS money_term,
            multiIf(money.money_amount = 0, 0, r.rate > 0, money.money_amount * toFloat64(r.rate), nan) AS money_amount,
            multiIf(
                money.money_amount = 0 OR r.rate > 0, '',
                money.code = '', concat('money without a currency on ', toString(money.money_day)),
                concat('no rate from ', money.code, ' to ', base_code, ' for ', toString(money.money_day))) AS money_problem
        FROM money
        LEFT JOIN daily_rates AS r ON r.day = money.money_day AND r.currency = money.code
    ),
    levels AS
    (
        SELECT
            kind,
            channel AS level_channel,
            campaign,
            source,
            toDate(ts) AS level_day,
            argMax(value, ts) AS level,
            lagInFrame(level, 1, level) OVER (PARTITION BY kind, channel, campaign, source ORDER BY level_day ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS level_before
        FROM measurements FINAL
        WHERE kind IN ('followers', 'subscribers', 'members') OR startsWith(kind, 'level_')
        GROUP BY kind, level_channel, campaign, source, level_day
    )
SELECT
    toDate(hour) AS day,
    toString(channel) AS channel,
    concat('events:', toString(kind)) AS term,
    toFloat64(sum(human_events)) AS amount,
    '' AS problem
FROM channel_hour
GROUP BY day, channel, term
HAVING sum(human_events) > 0
UNION ALL
SELECT
    money_day AS day,
    money_channel AS channel,
    money_term AS term,
    sum(money_amount) AS amount,
    arrayStringConcat(arraySort(groupUniqArrayIf(money_problem, money_problem != '')), '; ') AS problem
FROM converted
GROUP BY day, channel, term
UNION ALL
SELECT
    survey_day.day AS day,
    toString(survey_day.channel) AS channel,
    tupleElement(item, 1) AS term,
    toFloat64(sum(tupleElement(item, 2))) AS amount,
    '' AS problem
FROM survey_day
ARRAY JOIN multiIf(
    survey = 'nps', [('survey:nps_promoters', promoters), ('survey:nps_passives', passives), ('survey:nps_detractors', detractors), ('survey:nps_responses', responses)],
    survey = 'csat', [('survey:csat_satisfied', satisfied), ('survey:csat_responses', responses)],
    survey = 'review', [('review:positive', satisfied), ('review:all', responses)],
    []) AS item
GROUP BY day, channel, term
HAVING amount > 0
UNION ALL
SELECT
    toDate(ts) AS day,
    toString(channel) AS channel,
    concat('measurement:', toString(kind)) AS term,
    toFloat64(sum(value)) AS amount,
    '' AS problem
FROM measurements FINAL
WHERE currency = '' AND NOT (kind IN ('followers', 'subscribers', 'members') OR startsWith(kind, 'level_'))
GROUP BY day, channel, term
UNION ALL
SELECT
    level_day AS day,
    toString(level_channel) AS channel,
    concat('measurement:', toString(kind)) AS term,
    toFloat64(sum(level - level_before)) AS amount,
    '' AS problem
FROM levels
GROUP BY day, channel, term
UNION ALL
SELECT
    day,
    toString(channel) AS channel,
    toString(term) AS term,
    amount,
    problem
FROM person_term_days FINAL
WHERE day > toDate(0) AND amount != 0
SETTINGS join_use_nulls = 0
COMMENT 'What metrics are made of, in sums that add up (one row per day, channel and term)'
