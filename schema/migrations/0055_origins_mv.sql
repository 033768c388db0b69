-- Feeds origins from every insert into events: hits that visit_day keeps, and clicks on campaigns elsewhere (in a mail, on another site), which say
-- by themselves how the person came.
CREATE MATERIALIZED VIEW IF NOT EXISTS origins_mv /*ON CLUSTER*/ TO origins
(
    month    Date   COMMENT 'First day of the month it was seen in, UTC',
    source   String COMMENT 'utm_source, lower case',
    medium   String COMMENT 'utm_medium, lower case; of a click that has none email or cpc',
    referrer String COMMENT 'Address of the other site that led here, lower case, without query'
)
AS
WITH
    channel NOT IN ('web', 'app') AS elsewhere
SELECT
    toStartOfMonth(toDate(ts)) AS month,
    lowerUTF8(toString(utm_source)) AS source,
    multiIf(NOT elsewhere OR utm_medium != '', lowerUTF8(toString(utm_medium)), kind = 'email_click', 'email', 'cpc') AS medium,
    if(elsewhere OR events.referrer = '' OR domain(events.referrer) = domain(url), '', lowerUTF8(cutQueryStringAndFragment(events.referrer))) AS referrer
FROM events
WHERE machine = ''
  AND if(elsewhere, kind IN ('email_click', 'ad_click'), kind NOT IN ('identify', 'group', 'alias') AND (utm_source != '' OR utm_medium != '' OR events.referrer != ''))
GROUP BY 1, 2, 3, 4
COMMENT 'Feeds origins from inserts into events'
