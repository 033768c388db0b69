-- Feeds milestones from every insert into events: rows as they are, only fewer and narrower. The list is that of the column kind's comment.
CREATE MATERIALIZED VIEW IF NOT EXISTS milestones_mv /*ON CLUSTER*/ TO milestones
(
    distinct_id  String                 COMMENT 'User id, or anonymous id of a visitor who is not logged in',
    ts           DateTime64(3, 'UTC')   COMMENT 'When it happened, UTC',
    event_id     UUID                   COMMENT 'The event',
    kind         LowCardinality(String) COMMENT 'What happened',
    channel      LowCardinality(String) COMMENT 'Where it happened',
    utm_source   LowCardinality(String) COMMENT 'Campaign parameter: who sent the visitor',
    utm_medium   LowCardinality(String) COMMENT 'Campaign parameter: by which medium',
    utm_campaign LowCardinality(String) COMMENT 'Campaign parameter: which campaign',
    order_id     String                 COMMENT 'Order or deal it belongs to',
    value        Decimal(18, 4)         COMMENT 'Money, in units of currency; positive for a purchase and for a refund',
    currency     LowCardinality(String) COMMENT 'Currency of value, ISO 4217; empty when there is none'
)
AS
SELECT
    distinct_id,
    ts,
    event_id,
    kind,
    channel,
    utm_source,
    utm_medium,
    utm_campaign,
    order_id,
    value,
    currency
FROM events
WHERE machine = ''
  AND kind IN ('email_click', 'ad_click', 'content_download', 'form_submission', 'sign_up', 'cart_add', 'checkout_start', 'purchase', 'refund', 'call', 'meeting',
               'review', 'referral', 'lead_created', 'lead_qualified', 'opportunity_open', 'opportunity_won', 'opportunity_lost')
COMMENT 'Feeds milestones from inserts into events'
