-- Email engagement: what each campaign's mails led to.
--
-- A campaign is utm_campaign. Rates are of people: recipients are those a mail was sent or delivered to within the range and did not
-- bounce for; openers and clickers are those of them who opened or clicked up to `days` days after its end. Who clicked has opened. Opens
-- and clicks of machines (mail scanners, image proxies) are only in machine_events. Below 15 recipients the note says "too few to tell".
--
-- param  from           DateTime64(3) = now-90d  start, inclusive, UTC
-- param  to             DateTime64(3) = now      end, exclusive, UTC
-- param  days           UInt16 0..365 = 7        days to wait for opens and clicks after the end
-- column campaign       LowCardinality(String)   utm_campaign; empty when there is none
-- column sent           UInt64                   events email_sent
-- column delivered      UInt64                   events email_delivered
-- column bounced        UInt64                   events email_bounce
-- column opens          UInt64                   events email_open of humans
-- column clicks         UInt64                   events email_click of humans
-- column unsubscribes   UInt64                   events email_unsubscribe of humans
-- column machine_events UInt64                   opens and clicks of machines
-- column recipients     UInt64                   people reached: the denominator of the rates
-- column openers        UInt64                   recipients who opened or clicked
-- column clickers       UInt64                   recipients who clicked
-- column open_rate      Nullable(Float64)        openers / recipients, 0..1
-- column click_rate     Nullable(Float64)        clickers / recipients, 0..1
-- column click_to_open  Nullable(Float64)        clickers / openers, 0..1
-- column note           String                   too few to tell, or nothing
WITH
    per_person AS
    (
        SELECT
            utm_campaign AS campaign,
            countIf(kind = 'email_sent' AND ts < {to:DateTime64(3)}) AS sent,
            countIf(kind = 'email_delivered' AND ts < {to:DateTime64(3)}) AS delivered,
            countIf(kind = 'email_bounce') AS bounced,
            countIf(kind = 'email_open' AND machine = '') AS opens,
            countIf(kind = 'email_click' AND machine = '') AS clicks,
            countIf(kind = 'email_unsubscribe' AND machine = '') AS unsubscribes,
            countIf(kind IN ('email_open', 'email_click') AND machine != '') AS machine_events,
            sent + delivered > 0 AND bounced = 0 AS reached
        FROM engagement_history
        WHERE kind IN ('email_sent', 'email_delivered', 'email_bounce', 'email_open', 'email_click', 'email_unsubscribe')
          AND ts >= {from:DateTime64(3)}
          AND ts < {to:DateTime64(3)} + toIntervalDay({days:UInt16})
        GROUP BY campaign, person_id
    )
SELECT
    campaign,
    sum(per_person.sent) AS sent,
    sum(per_person.delivered) AS delivered,
    sum(per_person.bounced) AS bounced,
    sum(per_person.opens) AS opens,
    sum(per_person.clicks) AS clicks,
    sum(per_person.unsubscribes) AS unsubscribes,
    sum(per_person.machine_events) AS machine_events,
    countIf(reached) AS recipients,
    countIf(reached AND per_person.opens + per_person.clicks > 0) AS openers,
    countIf(reached AND per_person.clicks > 0) AS clickers,
    round(openers / nullIf(recipients, 0), 6) AS open_rate,
    round(clickers / nullIf(recipients, 0), 6) AS click_rate,
    round(clickers / nullIf(openers, 0), 6) AS click_to_open,
    if(recipients < 15, 'too few to tell', '') AS note
FROM per_person
GROUP BY campaign
ORDER BY recipients DESC, campaign
