-- Engagement of many people for -what people, newest last. Half the people are known by name on one device or two, the rest are anonymous.
-- {people} ids over the days up to now; a person's events come in runs of six; activity is skewed, as it is.
INSERT INTO events
    (event_id, type, kind, name, ts, received_at, source, channel, distinct_id, anonymous_id, user_id, account_id, url, path, referrer,
     utm_source, utm_medium, utm_campaign, content_id, order_id, value, currency, properties)
WITH
    cityHash64(number, 1) AS r1, cityHash64(number, 2) AS r2, cityHash64(number, 3) AS r3,
    cityHash64(intDiv(number, 600) * 100 + number % 100, 9) AS run,
    toUInt64(pow((run % 10000019) / 10000019, 1.5) * {people:UInt64}) AS person,
    person % 2 = 0 AS known,
    r1 % 1000 AS dice,
    multiIf(dice < 560, 'page_view', dice < 700, 'email_sent', dice < 770, 'email_open', dice < 795, 'email_click', dice < 850, 'product_view',
            dice < 880, 'content_download', dice < 905, 'form_submission', dice < 925, 'cart_add', dice < 935, 'checkout_start', dice < 947, 'purchase',
            dice < 962, 'chat_message', dice < 985, 'identify', dice < 995, 'social_share', 'survey_response') AS k,
    multiIf(startsWith(k, 'email'), 'email', k = 'chat_message', 'chat', k = 'social_share', 'social.linkedin', k = 'survey_response', 'survey', 'web') AS ch,
    known AND (k = 'identify' OR ch = 'email' OR run % 3 > 0) AS named,
    ['/', '/pricing', '/product', '/resources/whitepaper-roi', '/contact', '/demo', '/blog/one', '/customers/story'][1 + toUInt64(pow((r2 % 1000) / 1000, 2) * 8)] AS page
SELECT
    generateUUIDv4(number) AS event_id,
    multiIf(k = 'identify', 'identify', k = 'page_view', 'page', 'track'),
    k,
    initcap(replaceAll(k, '_', ' ')),
    {from:DateTime64(3)} + toIntervalMillisecond(toUInt64({milliseconds:UInt64} * (number / {total:UInt64})) + r3 % 60000) AS at,
    now64(3, 'UTC'),
    'site',
    ch,
    if(named, concat('u', toString(person)), concat('a', toString(person), '-', toString(run % 2))),
    if(ch = 'email', '', concat('a', toString(person), '-', toString(run % 2))),
    if(named, concat('u', toString(person)), ''),
    if(named AND person % 5 = 0, concat('account-', toString(intDiv(person, 40))), ''),
    if(ch = 'web', concat('https://www.example.com', page), ''),
    if(ch = 'web', page, ''),
    if(ch = 'web' AND r3 % 5 = 0, 'https://www.google.com/', ''),
    if(run % 3 = 0, ['google', 'newsletter', 'linkedin'][1 + intDiv(run, 3) % 3], ''),
    if(run % 3 = 0, ['cpc', 'email', 'social'][1 + intDiv(run, 3) % 3], ''),
    if(run % 3 = 0, concat('campaign-', toString(run % 12)), ''),
    multiIf(k = 'content_download', ['whitepaper-roi', 'demo-kit', 'price-list'][1 + r2 % 3], k IN ('product_view', 'cart_add'), concat('sku-', toString(r2 % 400)), ''),
    if(k = 'purchase', concat('o', toString(number)), ''),
    if(k = 'purchase', toDecimal64(5 + (r3 % 30000) / 100, 4), toDecimal64(0, 4)),
    if(k = 'purchase', 'EUR', ''),
    multiIf(k = 'survey_response', map('survey_type', 'nps', 'score', toString(r3 % 11)), k = 'identify', map('email', concat('u', toString(person), '@example.com')), map('button', ['buy', 'more', 'send'][1 + r2 % 3]))
FROM numbers({first:UInt64}, {rows:UInt64})
SETTINGS max_insert_threads = 1, max_partitions_per_insert_block = 0, optimize_on_insert = 0
