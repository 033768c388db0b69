-- The terms of metrics that ask for visits, for the days from from to before to: sessions_between, added up at the day they started. Ids are put
-- together to people as of now. The service keeps the answer in person_term_days; read funnel_terms, not this.
--
--   session:count, session:seconds, session:pages, session:converted  visits that started that day, their length, pages, and how many of
--                               them had a conversion; all at the channel web, of which a visit may also be on app
CREATE OR REPLACE VIEW visit_terms_between /*ON CLUSTER*/
AS
SELECT
    toDate(start) AS day,
    'web' AS channel,
    tupleElement(item, 1) AS term,
    toFloat64(sum(tupleElement(item, 2))) AS amount,
    '' AS problem
FROM sessions_between(from = toDateTime64({from:Date}, 3, 'UTC'), to = toDateTime64({to:Date}, 3, 'UTC'), person = '')
ARRAY JOIN [
    ('session:count', toUInt64(1)),
    ('session:seconds', toUInt64(seconds)),
    ('session:pages', toUInt64(pages)),
    ('session:converted', toUInt64(converted))] AS item
GROUP BY day, term
HAVING amount > 0
COMMENT 'Visits by day (one row per day and term; parameters from and to)'
