-- Campaign ROI: what each campaign cost, what it brought within days, and what the customers it won bring over a long time.
--
-- Cost is what measurements of kind ad_spend say for the period. The short horizon: conversions that come within `days` after a touch of the period,
-- credited as `model` says (first, last, linear), and their worth. The long one: customers whose first order is among these, and what
-- they bring within `horizon` days from it, less refunds. The row * of a channel is the sum of its campaigns.
-- A cost without a campaign belongs to its channel; one with a campaign to the channel by which the campaign brought most conversions, or, without
-- any, to its own. Without any measurement cost is NULL, and what is made of it: nobody knows that it was free. The row * has the cost that was measured
-- of any of its campaigns, over all of them. A rate that is missing makes money NULL and is named in problem.
--
-- param  from        DateTime64(3) = now-90d    start of costs and touches, inclusive, UTC
-- param  to          DateTime64(3) = now        their end, exclusive, UTC
-- param  days        UInt16 0..3650 = 30        short horizon: days after a touch in which a conversion counts
-- param  horizon     UInt16 1..3650 = 365       long horizon: days of a customer from the first order on
-- param  model       String = last              first, last or linear; nothing is found for anything else
-- column acquisition String                     acquisition channel
-- column campaign    String                     utm_campaign; empty when there is none; *: the channel
-- column cost        Nullable(Decimal(38, 4))   ad spend, in the base currency; NULL when none was measured
-- column conversions Decimal(38, 6)             conversions credited
-- column revenue     Nullable(Decimal(38, 4))   their worth, in the base currency
-- column roi         Nullable(Float64)          (revenue - cost) / cost; NULL without cost or when it was 0
-- column customers   Decimal(38, 6)             of the conversions, first orders of a person
-- column cac         Nullable(Float64)          cost / customers; NULL without cost or customers
-- column ltv         Nullable(Float64)          what these customers brought within the long horizon, per customer
-- column ltv_to_cac  Nullable(Float64)          ltv / cac
-- column newest_at   Nullable(DateTime64(3, 'UTC'))  first order of the newest of these customers: their long horizon is over `horizon` days later
-- column problem     String                     a rate that is missing; empty when none is
WITH
    {model:String} AS model,
    (SELECT base_currency FROM definition) AS base_now,
    credits AS
    (
        SELECT
            acquisition,
            campaign,
            person_id,
            event_id,
            multiIf(model = 'first', first_credit, model = 'linear', linear_credit, last_credit) AS credit,
            if(model = 'linear', linear_amount, if(credit = 1, amount, toNullable(toDecimal128(0, 4)))) AS credited_amount,
            problem
        FROM attribution_between(from = {from:DateTime64(3)}, to = {to:DateTime64(3)} + toIntervalDay({days:UInt16}), lookback = {days:UInt16})
        WHERE touched_at >= {from:DateTime64(3)}
          AND touched_at < {to:DateTime64(3)}
          AND credit > 0
    ),
    buyers AS
    (
        SELECT
            person_id,
            minIf((ts, event_id), ordered) AS first_order,
            first_order.1 AS first_at,
            first_order.2 AS first_event,
            arrayFilter(paid -> paid.1 >= first_at AND paid.1 < first_at + toIntervalDay({horizon:UInt16}), groupArray((ts, coalesce(amount, toDecimal128(0, 4)), problem))) AS in_time,
            arraySum(paid -> paid.2, in_time) AS brought,
            arrayMax(paid -> paid.3, in_time) AS trouble
        FROM outcomes
        WHERE kind IN ('purchase', 'opportunity_won', 'refund')
        GROUP BY person_id
        HAVING countIf(ordered) > 0
    ),
    earned AS
    (
        SELECT
            credits.acquisition AS channel_name,
            credits.campaign AS campaign_name,
            sum(credits.credit) AS conversions,
            sum(coalesce(credits.credited_amount, toDecimal128(0, 4))) AS revenue,
            sumIf(credits.credit, credits.event_id = buyers.first_event) AS customers,
            sumIf(toFloat64(credits.credit) * toFloat64(buyers.brought), credits.event_id = buyers.first_event) AS lifetime,
            maxOrNullIf(buyers.first_at, credits.event_id = buyers.first_event) AS newest,
            max(credits.problem) AS short_problem,
            maxIf(buyers.trouble, credits.event_id = buyers.first_event) AS long_problem
        FROM credits
        LEFT JOIN buyers ON buyers.person_id = credits.person_id
        GROUP BY channel_name, campaign_name
    ),
    spent AS
    (
        SELECT
            toString(m.channel) AS channel_name,
            toString(m.campaign) AS campaign_name,
            sum(toDecimal128(round(m.value * r.rate, 4), 4)) AS cost,
            maxIf(if(m.currency = '', concat('money without a currency on ', toString(toDate(m.ts))), concat('no rate from ', m.currency, ' to ', coalesce(base_now, ''), ' for ', toString(toDate(m.ts)))), m.value != 0 AND r.rate = 0) AS problem
        FROM measurements AS m FINAL
        LEFT JOIN daily_rates AS r ON r.day = toDate(m.ts) AND r.currency = toString(m.currency)
        WHERE m.kind = 'ad_spend' AND m.ts >= {from:DateTime64(3)} AND m.ts < {to:DateTime64(3)}
        GROUP BY channel_name, campaign_name
    ),
    lines AS
    (
        SELECT channel_name, campaign_name, conversions, revenue, customers, lifetime, newest, short_problem, long_problem, CAST(NULL, 'Nullable(Decimal(38, 4))') AS cost, '' AS cost_problem
        FROM earned
        UNION ALL
        SELECT
            if(home.channel_name = '', spent.channel_name, home.channel_name),
            spent.campaign_name,
            toDecimal128(0, 6), toDecimal128(0, 4), toDecimal128(0, 6), toFloat64(0), NULL, '', '', spent.cost, spent.problem
        FROM spent
        LEFT JOIN
        (
            SELECT campaign_name, argMax(channel_name, (conversions, channel_name)) AS channel_name
            FROM earned
            WHERE campaign_name != ''
            GROUP BY campaign_name
        ) AS home ON home.campaign_name = spent.campaign_name
    )
SELECT
    lines.channel_name AS acquisition,
    arrayJoin(['*', lines.campaign_name]) AS campaign,
    if(max(lines.cost_problem) != '', NULL, sum(lines.cost)) AS cost,
    sum(lines.conversions) AS conversions,
    if(max(lines.short_problem) != '', NULL, sum(lines.revenue)) AS revenue,
    round((toFloat64(revenue) - toFloat64(cost)) / nullIf(toFloat64(cost), 0), 6) AS roi,
    sum(lines.customers) AS customers,
    round(toFloat64(cost) / nullIf(toFloat64(customers), 0), 4) AS cac,
    if(max(lines.long_problem) != '', NULL, round(sum(lines.lifetime) / nullIf(toFloat64(customers), 0), 4)) AS ltv,
    round(ltv / nullIf(cac, 0), 4) AS ltv_to_cac,
    max(lines.newest) AS newest_at,
    max(arrayFirst(text -> text != '', [lines.cost_problem, lines.short_problem, lines.long_problem])) AS problem
FROM lines
WHERE model IN ('first', 'last', 'linear')
GROUP BY acquisition, campaign
ORDER BY acquisition, campaign != '*', campaign
