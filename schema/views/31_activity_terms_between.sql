-- The terms of metrics that ask who was there, for the days from from to before to, at most 35 of them. Ids are put together to people
-- as of now. The service keeps the answer in person_term_days; read funnel_terms, not this.
--
--   person:active_days    people active on the day
--   person:active_30d     people active on it or in the 29 days before
--   person:retained_base  people active seven days before: their week is up
--   person:retained       those of them who came back since, up to and with the day
--
-- Active is who did something, not whom something merely reached; nobody is active on one channel alone, so that channel is empty.
--
-- A person is a number of 64 bits here, and their days are bits of another, so that a month of a million people takes little memory: the
-- lowest bit is the 29th day before from. That two of a million people share their number happens in one of 30 million warehouses.
CREATE OR REPLACE VIEW activity_terms_between /*ON CLUSTER*/
AS
WITH
    toInt32({from:Date}) AS first_day,
    toInt32({to:Date}) AS end_day,
    toUInt64(1073741823) AS thirty_days,
    toUInt64(127) AS seven_days,
    active AS
    (
        SELECT
            sipHash64(coalesce(nullIf(p.person_id, ''), d.distinct_id)) AS person,
            groupBitOr(bitShiftLeft(toUInt64(1), toUInt8(toInt32(d.day) - first_day + 29))) AS days
        FROM person_day AS d
        LEFT JOIN person_ids AS p ON p.distinct_id = d.distinct_id
        WHERE d.day >= toDate(greatest(0, first_day - 29))
          AND d.day < {to:Date}
          AND d.actions > 0
        GROUP BY person
    ),
    counted AS
    (
        SELECT
            number_of_day,
            countIf(bitAnd(days, bitShiftLeft(toUInt64(1), number_of_day + 29)) != 0) AS on_day,
            countIf(bitAnd(days, bitShiftLeft(thirty_days, number_of_day)) != 0) AS in_month,
            countIf(bitAnd(days, bitShiftLeft(toUInt64(1), number_of_day + 22)) != 0) AS week_up,
            countIf(bitAnd(days, bitShiftLeft(toUInt64(1), number_of_day + 22)) != 0 AND bitAnd(days, bitShiftLeft(seven_days, number_of_day + 23)) != 0) AS came_back
        FROM active
        ARRAY JOIN range(toUInt8(greatest(0, least(35, end_day - first_day)))) AS number_of_day
        GROUP BY number_of_day
    )
SELECT
    {from:Date} + number_of_day AS day,
    '' AS channel,
    tupleElement(item, 1) AS term,
    toFloat64(tupleElement(item, 2)) AS amount,
    '' AS problem
FROM counted
ARRAY JOIN [
    ('person:active_days', on_day),
    ('person:active_30d', in_month),
    ('person:retained_base', week_up),
    ('person:retained', came_back)] AS item
WHERE amount > 0
  AND throwIf(end_day - first_day > 35, 'activity_terms_between answers at most 35 days at once') = 0
SETTINGS join_use_nulls = 0
COMMENT 'Who was active and came back, by day (one row per day and term; parameters from and to, at most 35 days)'
