-- Every event with the person it belongs to as of now. For one person, give the ids too, so that the key of events is used:
--     WHERE distinct_id IN (SELECT arrayJoin(distinct_ids) FROM people_of(id = 'x'))
-- The query engagement_history of the catalogue does so, and asks for no account, which is found by going through all of them.
CREATE OR REPLACE VIEW engagement_history /*ON CLUSTER*/
(
    person_id    String                              COMMENT 'The person: the user the id belongs to as of now, or the id itself',
    event_id     UUID                                COMMENT 'Identity of the event: messageId when that is a UUID, else UUIDv5 of source and messageId, else of source and content',
    message_id   String                              COMMENT 'messageId as sent; empty when it was itself the UUID in event_id',
    type         LowCardinality(String)              COMMENT 'Message type of the wire format: track, identify, page, screen, group, alias',
    kind         LowCardinality(String)              COMMENT 'What happened, from our own fixed list (page_view, purchase, ...); identify, group and alias are not engagement',
    name         LowCardinality(String)              COMMENT 'What the sender called the event',
    ts           DateTime64(3, 'UTC')                COMMENT 'When it happened, corrected by the difference of the clocks; UTC, milliseconds',
    received_at  DateTime64(3, 'UTC')                COMMENT 'When the service received it; UTC, milliseconds',
    source       LowCardinality(String)              COMMENT 'Which write key or file mapping it came with',
    channel      LowCardinality(String)              COMMENT 'Where it happened: web, app, email, chat, phone, store, survey, support, ads, crm, social.facebook, ...',
    distinct_id  String                              COMMENT 'The id rollups are kept by: user_id, or anonymous_id when nobody is logged in',
    anonymous_id String                              COMMENT 'Device or browser id; empty when the sender gave none',
    user_id      String                              COMMENT 'Id of the logged-in user; empty when nobody is logged in',
    previous_id  String                              COMMENT 'alias only: the id that is now user_id',
    account_id   String                              COMMENT 'Account the event named, else the one the person was last seen with; empty when none',
    session_id   String                              COMMENT 'Session as the sender cut it; ours are cut from ts on reading',
    url          String                              COMMENT 'Full address of the page',
    path         String                              COMMENT 'Path of the page without host and query',
    referrer     String                              COMMENT 'Address of the page that led here',
    utm_source   LowCardinality(String)              COMMENT 'Campaign parameter: who sent the visitor',
    utm_medium   LowCardinality(String)              COMMENT 'Campaign parameter: by which medium',
    utm_campaign LowCardinality(String)              COMMENT 'Campaign parameter: which campaign',
    utm_term     LowCardinality(String)              COMMENT 'Campaign parameter: search term',
    utm_content  LowCardinality(String)              COMMENT 'Campaign parameter: which variant',
    content_id   String                              COMMENT 'Which whitepaper, video, product, mail or post it was about',
    order_id     String                              COMMENT 'Order or deal it belongs to',
    value        Decimal(18, 4)                      COMMENT 'Money, in units of currency; positive for a purchase and for a refund',
    currency     LowCardinality(String)              COMMENT 'Currency of value, ISO 4217; empty when there is none',
    score        Nullable(Float32)                   COMMENT 'Survey answer or rating, in the scale of the survey; NULL when there is none',
    text         String                              COMMENT 'What the person wrote: review, comment, chat message, search',
    sentiment    Nullable(Float32)                   COMMENT 'Sentiment of text, -1 to 1; NULL when nobody rated it',
    user_agent   LowCardinality(String)              COMMENT 'User agent as sent',
    ip           String                              COMMENT 'Address of the client, IPv4 or IPv6 as text',
    country      LowCardinality(String)              COMMENT 'Country, ISO 3166 two letters; empty when unknown',
    locale       LowCardinality(String)              COMMENT 'Language and region of the client, such as it-IT',
    machine      LowCardinality(String)              COMMENT 'Why this is not a human; empty for a human',
    properties   Map(LowCardinality(String), String) COMMENT 'All other fields of the message, nested keys joined by dots, values as text'
)
AS
WITH accounts AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), m.distinct_id) AS person,
            argMax(m.account_id, (m.last_at, m.account_id)) AS account
        FROM account_members AS m
        LEFT JOIN person_ids AS p ON p.distinct_id = m.distinct_id
        GROUP BY person
    )
SELECT
    coalesce(nullIf(p.person_id, ''), e.distinct_id) AS person_id,
    e.event_id AS event_id,
    e.message_id AS message_id,
    e.type AS type,
    e.kind AS kind,
    e.name AS name,
    e.ts AS ts,
    e.received_at AS received_at,
    e.source AS source,
    e.channel AS channel,
    e.distinct_id AS distinct_id,
    e.anonymous_id AS anonymous_id,
    e.user_id AS user_id,
    e.previous_id AS previous_id,
    coalesce(nullIf(e.account_id, ''), a.account, '') AS account_id,
    e.session_id AS session_id,
    e.url AS url,
    e.path AS path,
    e.referrer AS referrer,
    e.utm_source AS utm_source,
    e.utm_medium AS utm_medium,
    e.utm_campaign AS utm_campaign,
    e.utm_term AS utm_term,
    e.utm_content AS utm_content,
    e.content_id AS content_id,
    e.order_id AS order_id,
    e.value AS value,
    e.currency AS currency,
    e.score AS score,
    e.text AS text,
    e.sentiment AS sentiment,
    e.user_agent AS user_agent,
    e.ip AS ip,
    e.country AS country,
    e.locale AS locale,
    e.machine AS machine,
    e.properties AS properties
FROM events AS e
LEFT JOIN person_ids AS p ON p.distinct_id = e.distinct_id
LEFT JOIN accounts AS a ON a.person = coalesce(nullIf(p.person_id, ''), e.distinct_id)
SETTINGS join_use_nulls = 0
COMMENT 'Every event with its person and account as of now (one row per event)'
