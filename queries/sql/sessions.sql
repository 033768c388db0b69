-- Sessions that started in a period, latest first: of everybody, or of one person.
--
-- Any id the person is known by finds them. 30 minutes without an event end a session, midnight does not (docs/sessions.md). The origin is
-- the first of its hits that says how the person came, and acquisition what the definitions call it.
--
-- param  from         DateTime64(3) = now-7d     start, inclusive, UTC
-- param  to           DateTime64(3) = now        end, exclusive, UTC
-- param  person       String = ''                any id of a person; empty: everybody
-- param  limit        UInt32 1..100000 = 100     most sessions
-- column person_id    String                     the person: a user id, or an anonymous id nobody has claimed
-- column start        DateTime64(3, 'UTC')       first event
-- column end          DateTime64(3, 'UTC')       last event
-- column seconds      UInt32                     whole seconds from the first to the last event
-- column events       UInt32                     human events on web and app
-- column pages        UInt32                     page views among them
-- column entry        String                     path of the first page view
-- column exit         String                     path of the last page view
-- column acquisition  String                     email, organic_search, ..., direct
-- column utm_campaign String                     campaign of the origin
-- column referrer     String                     the other site that led here
-- column conversions  UInt32                     conversions during the session or in the 30 minutes after it
WITH
    (
        SELECT coalesce(nullIf(max(person_id), ''), {person:String})
        FROM person_ids
        WHERE distinct_id = {person:String}
    ) AS whose
SELECT
    person_id,
    start,
    end,
    seconds,
    events,
    pages,
    entry,
    exit,
    acquisition,
    utm_campaign,
    referrer,
    conversions
FROM sessions_between(from = {from:DateTime64(3)}, to = {to:DateTime64(3)}, person = whose)
ORDER BY start DESC, person_id
LIMIT {limit:UInt32}
