-- Most engaged people: who acts most like a buyer now, with what they did in the last 7 days.
--
-- Engagement is 0 to 100: the mean of four signals, each full at its threshold, from weighted seven-day features: visits (5), downloads
-- (1), mail (2 opens and 1 click, half each), chats and forms (1). Recent days count more, so it falls when somebody goes quiet. People with
-- none of these in the last 7 days are not listed.
--
-- param  limit                    UInt32 1..10000 = 10  people at most
-- column person_id                String
-- column engagement               Float64               0..100
-- column visits_7d                UInt64                visits in the last 7 days
-- column page_views_7d            UInt64
-- column downloads_7d             UInt64
-- column email_opens_7d           UInt64
-- column email_clicks_7d          UInt64
-- column advanced_interactions_7d UInt64                chats and forms
-- column active_days_30d          UInt8                 days of the last 30 with an action
-- column carts_30d                UInt64
-- column purchases_365d           UInt64
-- column revenue_365d             Map(String, Decimal(38, 4)) purchases minus refunds of the last 365 days, by currency
-- column trend                    Int64                 actions of the last 7 days minus those of the 7 before
-- column last_seen                DateTime64(3, 'UTC')
SELECT
    person_id,
    round(25 * (
        least(1, visits_7d_weighted / 5)
        + least(1, downloads_7d_weighted)
        + (least(1, email_opens_7d_weighted / 2) + least(1, email_clicks_7d_weighted)) / 2
        + least(1, advanced_interactions_7d_weighted)), 1) AS engagement,
    visits_7d,
    page_views_7d,
    downloads_7d,
    email_opens_7d,
    email_clicks_7d,
    advanced_interactions_7d,
    active_days_30d,
    carts_30d,
    purchases_365d,
    revenue_365d,
    trend,
    toDateTime64(last_seen, 3, 'UTC') AS last_seen
FROM person_features
WHERE engagement > 0
ORDER BY engagement DESC, visits_7d DESC, page_views_7d DESC, last_seen DESC, person_id
LIMIT {limit:UInt32}
