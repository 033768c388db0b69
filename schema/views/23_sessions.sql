-- Every session of all history, as sessions_between defines it. Reads all of visit_day whatever is asked of it: for a period or a
-- person ask sessions_between, which reads theirs (docs/sessions.md has the times).
CREATE OR REPLACE VIEW sessions /*ON CLUSTER*/
(
    person_id    String               COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    start        DateTime64(3, 'UTC') COMMENT 'First event of the session, UTC',
    end          DateTime64(3, 'UTC') COMMENT 'Last event of the session, UTC',
    seconds      UInt32               COMMENT 'Whole seconds from the first to the last event; 0 for a session of one event',
    events       UInt32               COMMENT 'Human events on web and app',
    pages        UInt32               COMMENT 'Page views among them',
    entry        String               COMMENT 'Path of the first page view; empty when there was none',
    exit         String               COMMENT 'Path of the last page view; empty when there was none',
    referrer     String               COMMENT 'Address of the other site that led here; empty when none',
    utm_source   String               COMMENT 'Campaign parameter of the origin: who sent the visitor',
    utm_medium   String               COMMENT 'Campaign parameter of the origin: by which medium',
    utm_campaign String               COMMENT 'Campaign parameter of the origin: which campaign',
    acquisition  String               COMMENT 'How the person came, as the definitions call the origin: email, organic_search, ..., direct',
    conversions  UInt32               COMMENT 'Conversions during the session or before its time-out was over',
    converted    Bool                 COMMENT 'Whether there was any'
)
AS
SELECT
    person_id, start, end, seconds, events, pages, entry, exit, referrer, utm_source, utm_medium, utm_campaign, acquisition, conversions, converted
FROM sessions_between(from = toDateTime64('1970-01-01 00:00:00', 3, 'UTC'), to = toDateTime64('2148-01-01 00:00:00', 3, 'UTC'), person = '')
COMMENT 'Every session: 30 minutes of inactivity end one (one row per session)'
