-- Features of a person: what they did lately, with recent days counting more.
--
-- Any id the person is known by finds them. No row means no event in the last 365 days. What each number means stands with the view
-- person_features, where it is defined.
--
-- param  person                            String              any id of the person
-- column person_id                         String              the person: a user id, or an anonymous id nobody has claimed
-- column visits_7d                         UInt64              visits started in the last 7 days
-- column visits_7d_weighted                Float64             each weighted by 2^(-age in days / 3), as all _weighted
-- column page_views_7d                     UInt64              page views
-- column page_views_7d_weighted            Float64
-- column downloads_7d                      UInt64              content downloads
-- column downloads_7d_weighted             Float64
-- column email_opens_7d                    UInt64              mails opened
-- column email_opens_7d_weighted           Float64
-- column email_clicks_7d                   UInt64              clicks in mails
-- column email_clicks_7d_weighted          Float64
-- column chats_7d                          UInt64              chat messages
-- column chats_7d_weighted                 Float64
-- column forms_7d                          UInt64              forms submitted
-- column forms_7d_weighted                 Float64
-- column advanced_interactions_7d          UInt64              chats and forms
-- column advanced_interactions_7d_weighted Float64
-- column active_days_30d                   UInt8               days of the last 30 with an action
-- column carts_30d                         UInt64              things put into a cart in the last 30 days
-- column purchases_365d                    UInt64              purchases in the last 365 days
-- column revenue_365d                      Map(String, Decimal(38, 4)) purchases minus refunds of the last 365 days, by currency
-- column days_since_last_event             Nullable(Int32)     days since the person last did something
-- column days_since_last_purchase          Nullable(Int32)     NULL without a purchase
-- column trend                             Int64               actions of the last 7 days minus those of the 7 before
-- column first_seen                        DateTime64(3, 'UTC')
-- column last_seen                         DateTime64(3, 'UTC')
SELECT
    person_id,
    visits_7d,
    visits_7d_weighted,
    page_views_7d,
    page_views_7d_weighted,
    downloads_7d,
    downloads_7d_weighted,
    email_opens_7d,
    email_opens_7d_weighted,
    email_clicks_7d,
    email_clicks_7d_weighted,
    chats_7d,
    chats_7d_weighted,
    forms_7d,
    forms_7d_weighted,
    advanced_interactions_7d,
    advanced_interactions_7d_weighted,
    active_days_30d,
    carts_30d,
    purchases_365d,
    revenue_365d,
    days_since_last_event,
    days_since_last_purchase,
    trend,
    toDateTime64(first_seen, 3, 'UTC') AS first_seen,
    toDateTime64(last_seen, 3, 'UTC') AS last_seen
FROM person_features
WHERE person_id = coalesce((SELECT any(person_id) FROM person_ids WHERE distinct_id = {person:String} HAVING count() > 0), {person:String})
