-- Features of a person: what they did lately, with recent days counting more.
--
-- Any id the person is known by finds them; rollups are read by key, for this person alone. No row means no event in the last 365 days.
-- What each number means stands in docs/features.md and with the view person_features_of, where it is defined.
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
    toUInt64(features[1]) AS visits_7d,
    features[2] AS visits_7d_weighted,
    toUInt64(features[3]) AS page_views_7d,
    features[4] AS page_views_7d_weighted,
    toUInt64(features[7]) AS downloads_7d,
    features[8] AS downloads_7d_weighted,
    toUInt64(features[9]) AS email_opens_7d,
    features[10] AS email_opens_7d_weighted,
    toUInt64(features[11]) AS email_clicks_7d,
    features[12] AS email_clicks_7d_weighted,
    toUInt64(features[13]) AS chats_7d,
    features[14] AS chats_7d_weighted,
    toUInt64(features[15]) AS forms_7d,
    features[16] AS forms_7d_weighted,
    toUInt64(features[17]) AS advanced_interactions_7d,
    features[18] AS advanced_interactions_7d_weighted,
    toUInt8(features[19]) AS active_days_30d,
    toUInt64(features[20]) AS carts_30d,
    toUInt64(features[22]) AS purchases_365d,
    revenue_365d,
    if(isNaN(features[26]), NULL, toInt32(features[26])) AS days_since_last_event,
    if(isNaN(features[27]), NULL, toInt32(features[27])) AS days_since_last_purchase,
    toInt64(features[32]) AS trend,
    assumeNotNull(toDateTime64(first_seen, 3, 'UTC')) AS first_seen,
    toDateTime64(last_seen, 3, 'UTC') AS last_seen
FROM person_features_of(
    at = now('UTC'),
    batch = '00000000-0000-0000-0000-000000000000',
    person = (SELECT if(any(person_id) = '', {person:String}, any(person_id)) FROM person_ids WHERE distinct_id = {person:String}))
WHERE person_id = (SELECT if(any(person_id) = '', {person:String}, any(person_id)) FROM person_ids WHERE distinct_id = {person:String})
  AND toDate(last_seen) > toDate(now('UTC')) - 365
