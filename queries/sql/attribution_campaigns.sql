-- Attribution by campaign: which campaigns the conversions of a period are credited to, by first touch, last touch and in equal shares.
--
-- As attribution, for each channel and utm_campaign; touches without a campaign are in the row whose campaign is empty.
--
-- param  from          DateTime64(3) = now-30d    start of the conversions, inclusive, UTC
-- param  to            DateTime64(3) = now        their end, exclusive, UTC
-- param  lookback      UInt16 0..3650 = 30        days before a conversion in which a touch counts
-- column acquisition   String                     email, organic_search, ..., direct; unattributed
-- column campaign      String                     utm_campaign of the touches; empty when they had none
-- column first         Decimal(38, 6)             conversions whose first touch it was
-- column last          Decimal(38, 6)             conversions whose last touch it was
-- column linear        Decimal(38, 6)             conversions in equal shares of all touches
-- column first_amount  Nullable(Decimal(38, 4))   worth of the conversions in first, in the base currency
-- column last_amount   Nullable(Decimal(38, 4))   worth of those in last
-- column linear_amount Nullable(Decimal(38, 4))   worth of those in linear
-- column problem       String                     a rate that is missing; empty when none is
SELECT
    credit.acquisition AS acquisition,
    credit.campaign AS campaign,
    sum(credit.first_credit) AS first,
    sum(credit.last_credit) AS last,
    sum(credit.linear_credit) AS linear,
    if(max(credit.problem) != '', NULL, sumIf(assumeNotNull(credit.amount), credit.first_credit = 1)) AS first_amount,
    if(max(credit.problem) != '', NULL, sumIf(assumeNotNull(credit.amount), credit.last_credit = 1)) AS last_amount,
    if(max(credit.problem) != '', NULL, sum(assumeNotNull(credit.linear_amount))) AS linear_amount,
    minIf(credit.problem, credit.problem != '') AS problem
FROM attribution_between(from = {from:DateTime64(3)}, to = {to:DateTime64(3)}, lookback = {lookback:UInt16}) AS credit
GROUP BY acquisition, campaign
ORDER BY linear DESC, acquisition, campaign
