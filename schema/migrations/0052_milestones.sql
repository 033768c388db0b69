-- The few events that cost or bring money: clicks on campaigns, leads, carts, orders, deals. A narrow copy of some 5 % of the events, so
-- that value and attribution over all history need not read all history.
--
-- A kind that the definitions name as a conversion has to be among them: there are no conversions of others here (docs/value.md).
-- ReplacingMergeTree, with the key of events: a repeated delivery collapses. A reader says FINAL, which is cheap here.
-- ORDER BY (distinct_id, ts, event_id): everything is asked per person, in order. PARTITION BY month, as events.
CREATE TABLE IF NOT EXISTS milestones /*ON CLUSTER*/
(
    distinct_id  String                 COMMENT 'User id, or anonymous id of a visitor who is not logged in' CODEC(ZSTD(1)),
    ts           DateTime64(3, 'UTC')   COMMENT 'When it happened, UTC' CODEC(Delta(8), ZSTD(1)),
    event_id     UUID                   COMMENT 'The event' CODEC(NONE),
    kind         LowCardinality(String) COMMENT 'What happened: email_click, ad_click, content_download, form_submission, sign_up, cart_add, checkout_start, purchase, refund, call, meeting, review, referral, lead_created, lead_qualified, opportunity_open, opportunity_won, opportunity_lost',
    channel      LowCardinality(String) COMMENT 'Where it happened',
    utm_source   LowCardinality(String) COMMENT 'Campaign parameter: who sent the visitor',
    utm_medium   LowCardinality(String) COMMENT 'Campaign parameter: by which medium',
    utm_campaign LowCardinality(String) COMMENT 'Campaign parameter: which campaign',
    order_id     String                 COMMENT 'Order or deal it belongs to' CODEC(ZSTD(1)),
    value        Decimal(18, 4)         COMMENT 'Money, in units of currency; positive for a purchase and for a refund' CODEC(ZSTD(1)),
    currency     LowCardinality(String) COMMENT 'Currency of value, ISO 4217; empty when there is none'
)
ENGINE = /*Replicated*/ReplacingMergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (distinct_id, ts, event_id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Human events that cost or bring money: clicks on campaigns, leads, carts, orders, deals (one row per event)'
