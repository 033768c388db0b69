-- What each person did lately, recent first. The only place where these numbers are defined.
--
-- Days are UTC. A window of D days is today and the D - 1 days before; days in the future are not read. Machines, identify,
-- group and alias never reached person_day. "_weighted" adds 2^(-age / 3) per event, age in days, so that an event three days
-- old counts half. A visit is a run of web or app events with never more than 30 minutes between two of them, over all ids of
-- the person, across midnight; it belongs to the day it starts, so the day before the window is read to know which runs had
-- already started.
CREATE OR REPLACE VIEW person_features /*ON CLUSTER*/
(
    person_id                         String                      COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    visits_7d                         UInt64                      COMMENT 'Visits that started in the last 7 days (30 minutes of inactivity end a visit)',
    visits_7d_weighted                Float64                     COMMENT 'visits_7d, each weighted by 2^(-age in days / 3)',
    page_views_7d                     UInt64                      COMMENT 'Page views in the last 7 days',
    page_views_7d_weighted            Float64                     COMMENT 'page_views_7d, each weighted by 2^(-age in days / 3)',
    downloads_7d                      UInt64                      COMMENT 'Content downloads in the last 7 days',
    downloads_7d_weighted             Float64                     COMMENT 'downloads_7d, each weighted by 2^(-age in days / 3)',
    email_opens_7d                    UInt64                      COMMENT 'Emails opened in the last 7 days (opens, not different mails)',
    email_opens_7d_weighted           Float64                     COMMENT 'email_opens_7d, each weighted by 2^(-age in days / 3)',
    email_clicks_7d                   UInt64                      COMMENT 'Clicks in emails in the last 7 days',
    email_clicks_7d_weighted          Float64                     COMMENT 'email_clicks_7d, each weighted by 2^(-age in days / 3)',
    chats_7d                          UInt64                      COMMENT 'Chat messages in the last 7 days',
    chats_7d_weighted                 Float64                     COMMENT 'chats_7d, each weighted by 2^(-age in days / 3)',
    forms_7d                          UInt64                      COMMENT 'Forms submitted in the last 7 days',
    forms_7d_weighted                 Float64                     COMMENT 'forms_7d, each weighted by 2^(-age in days / 3)',
    advanced_interactions_7d          UInt64                      COMMENT 'chats_7d + forms_7d',
    advanced_interactions_7d_weighted Float64                     COMMENT 'chats_7d_weighted + forms_7d_weighted',
    active_days_30d                   UInt8                       COMMENT 'Days of the last 30 on which the person did something (not merely was sent or shown something)',
    carts_30d                         UInt64                      COMMENT 'Things put into a cart in the last 30 days',
    purchases_365d                    UInt64                      COMMENT 'Purchases in the last 365 days',
    revenue_365d                      Map(String, Decimal(38, 4)) COMMENT 'Purchases less refunds of the last 365 days, by currency, in its units',
    days_since_last_event             Nullable(Int32)             COMMENT 'Days since the person last did something; NULL when never',
    days_since_last_purchase          Nullable(Int32)             COMMENT 'Days since the last purchase; NULL when never',
    trend                             Int64                       COMMENT 'Events the person did in the last 7 days less those in the 7 days before',
    first_seen                        DateTime64(3, 'UTC')        COMMENT 'First human event of engagement, of all history, UTC',
    last_seen                         DateTime64(3, 'UTC')        COMMENT 'Last human event of engagement, UTC'
)
AS
WITH
    toDate(now('UTC')) AS today_utc,
    week AS
    (
        SELECT
            distinct_id AS id,
            groupArrayArray(visit_times) AS times,
            sumIf(page_views, in_7) AS page_views_7,
            sumIf(page_views * weight, in_7) AS page_views_7w,
            sumIf(downloads, in_7) AS downloads_7,
            sumIf(downloads * weight, in_7) AS downloads_7w,
            sumIf(email_opens, in_7) AS email_opens_7,
            sumIf(email_opens * weight, in_7) AS email_opens_7w,
            sumIf(email_clicks, in_7) AS email_clicks_7,
            sumIf(email_clicks * weight, in_7) AS email_clicks_7w,
            sumIf(chats, in_7) AS chats_7,
            sumIf(chats * weight, in_7) AS chats_7w,
            sumIf(forms, in_7) AS forms_7,
            sumIf(forms * weight, in_7) AS forms_7w
        FROM
        (
            SELECT *, dateDiff('day', day, today_utc) AS age, age < 7 AS in_7, exp2(-age / 3) AS weight
            FROM person_day
            WHERE day BETWEEN today_utc - 7 AND today_utc
        )
        GROUP BY id
    ),
    month AS
    (
        SELECT
            distinct_id AS id,
            groupBitOrIf(bitShiftLeft(toUInt32(1), age), actions > 0) AS active_days,
            sum(carts) AS carts_30,
            toInt64(sumIf(actions, age < 7)) - toInt64(sumIf(actions, age BETWEEN 7 AND 13)) AS actions_trend
        FROM
        (
            SELECT *, dateDiff('day', day, today_utc) AS age
            FROM person_day
            WHERE day BETWEEN today_utc - 29 AND today_utc
        )
        GROUP BY id
    ),
    money AS
    (
        SELECT distinct_id AS id, sum(purchases) AS purchases_365, sumMap(revenue) AS revenue_365
        FROM person_day
        WHERE day BETWEEN today_utc - 364 AND today_utc AND (purchases > 0 OR notEmpty(revenue))
        GROUP BY id
    ),
    life AS
    (
        SELECT
            distinct_id AS id,
            min(first_at) AS first_event,
            max(last_at) AS last_event,
            max(last_action_at) AS last_action,
            max(last_purchase_at) AS last_purchase
        FROM person_day
        WHERE day <= today_utc
        GROUP BY id
    ),
    persons AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), life.id) AS person,
            arraySort(groupArrayArray(week.times)) AS all_times,
            arrayFilter(
                (at, gap, n) -> (n = 1 OR gap > 1800) AND toDate(at, 'UTC') > today_utc - 7,
                all_times, arrayDifference(all_times), arrayEnumerate(all_times)) AS visits,
            sum(week.page_views_7) AS page_views_7,
            sum(week.page_views_7w) AS page_views_7w,
            sum(week.downloads_7) AS downloads_7,
            sum(week.downloads_7w) AS downloads_7w,
            sum(week.email_opens_7) AS email_opens_7,
            sum(week.email_opens_7w) AS email_opens_7w,
            sum(week.email_clicks_7) AS email_clicks_7,
            sum(week.email_clicks_7w) AS email_clicks_7w,
            sum(week.chats_7) AS chats_7,
            sum(week.chats_7w) AS chats_7w,
            sum(week.forms_7) AS forms_7,
            sum(week.forms_7w) AS forms_7w,
            bitCount(groupBitOr(month.active_days)) AS active_days_30,
            sum(month.carts_30) AS carts_30,
            sum(month.actions_trend) AS actions_trend,
            sum(money.purchases_365) AS purchases_365,
            sumMap(money.revenue_365) AS revenue_365,
            min(life.first_event) AS first_event,
            max(life.last_event) AS last_event,
            max(life.last_action) AS last_action,
            max(life.last_purchase) AS last_purchase
        FROM life
        LEFT JOIN week ON week.id = life.id
        LEFT JOIN month ON month.id = life.id
        LEFT JOIN money ON money.id = life.id
        LEFT JOIN person_ids AS p ON p.distinct_id = life.id
        GROUP BY person
        HAVING toDate(last_event) > today_utc - 365
    )
SELECT
    person AS person_id,
    length(visits) AS visits_7d,
    arraySum(at -> exp2(-dateDiff('day', toDate(at, 'UTC'), today_utc) / 3), visits) AS visits_7d_weighted,
    page_views_7 AS page_views_7d,
    page_views_7w AS page_views_7d_weighted,
    downloads_7 AS downloads_7d,
    downloads_7w AS downloads_7d_weighted,
    email_opens_7 AS email_opens_7d,
    email_opens_7w AS email_opens_7d_weighted,
    email_clicks_7 AS email_clicks_7d,
    email_clicks_7w AS email_clicks_7d_weighted,
    chats_7 AS chats_7d,
    chats_7w AS chats_7d_weighted,
    forms_7 AS forms_7d,
    forms_7w AS forms_7d_weighted,
    chats_7 + forms_7 AS advanced_interactions_7d,
    chats_7w + forms_7w AS advanced_interactions_7d_weighted,
    active_days_30 AS active_days_30d,
    carts_30 AS carts_30d,
    purchases_365 AS purchases_365d,
    revenue_365 AS revenue_365d,
    if(last_action = 0, NULL, dateDiff('day', toDate(last_action), today_utc)) AS days_since_last_event,
    if(last_purchase = 0, NULL, dateDiff('day', toDate(last_purchase), today_utc)) AS days_since_last_purchase,
    actions_trend AS trend,
    first_event AS first_seen,
    last_event AS last_seen
FROM persons
SETTINGS join_use_nulls = 0
COMMENT 'Rolling features, recent first (one row per person with an event in the last 365 days)'
