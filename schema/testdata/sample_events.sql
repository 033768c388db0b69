-- Realistic events for measuring: per million rows 95,000 ids, 227,000 person days, 30 days, in the order of time.
-- param first UInt64   number of the first event
-- param rows  UInt64   how many
INSERT INTO events
WITH
    cityHash64(number, 1) AS r1, cityHash64(number, 2) AS r2, cityHash64(number, 3) AS r3,
    -- A person comes in sessions: six events in a row of a "slot" are of one person.
    intDiv(number, 6) AS slot0,
    cityHash64(intDiv(number, 600) * 100 + number % 100, 9) AS session_hash,
    toUInt64(pow((session_hash % 1000000) / 1000000., 2) * 80000 + 20000 * intDiv(number, 1000000)) AS person,
    cityHash64(person, 4) AS p1,
    (p1 % 100) < 45 AS known,
    r1 % 1000 AS dice,
    multiIf(dice < 480, 'page_view', dice < 560, 'product_view', dice < 700, 'email_sent', dice < 760, 'email_open', dice < 785, 'email_click',
            dice < 820, 'feature_use', dice < 850, 'search', dice < 875, 'content_download', dice < 895, 'form_submission', dice < 915, 'cart_add',
            dice < 925, 'checkout_start', dice < 935, 'purchase', dice < 936, 'refund', dice < 950, 'chat_message', dice < 965, 'identify',
            dice < 985, 'social_reaction', dice < 995, 'ad_click', 'custom') AS k,
    multiIf(k IN ('email_sent', 'email_open', 'email_click'), 'email', k = 'chat_message', 'chat', k = 'social_reaction', 'social.instagram', k = 'ad_click', 'ads', p1 % 5 = 0, 'app', 'web') AS ch,
    k IN ('page_view', 'product_view', 'search') AS browsing,
    toUInt64(pow((r2 % 100000) / 100000., 2) * 400) AS page
SELECT
    reinterpretAsUUID(concat(reinterpretAsString(sipHash64(number, 5)), reinterpretAsString(sipHash64(number, 6)))) AS event_id,
    '' AS message_id,
    multiIf(k = 'identify', 'identify', k = 'page_view', 'page', 'track') AS type,
    k AS kind,
    multiIf(k = 'page_view', '', k = 'product_view', 'Product Viewed', k = 'purchase', 'Order Completed', initcap(replaceAll(k, '_', ' '))) AS name,
    toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(number * 2592 + r3 % 900000) AS ts,
    ts + toIntervalMillisecond(200 + r2 % 3000) AS received_at,
    multiIf(ch = 'email', 'mailer', ch = 'app', 'app', 'site') AS source,
    ch AS channel,
    if(user_id != '', user_id, anonymous_id) AS distinct_id,
    if(ch IN ('web', 'app', 'ads', 'chat'), toString(reinterpretAsUUID(concat(reinterpretAsString(p1), reinterpretAsString(sipHash64(person))))), '') AS anonymous_id,
    if(known OR anonymous_id = '', concat('u_', toString(person)), '') AS user_id,
    '' AS previous_id,
    if(known AND p1 % 3 = 0, concat('acct_', toString(intDiv(person, 20))), '') AS account_id,
    if(anonymous_id != '', lower(hex(session_hash)), '') AS session_id,
    if(browsing, concat('https://www.example.com', path, if(r3 % 10 = 0, concat('?utm_source=', utm_source, '&utm_campaign=', utm_campaign), '')), '') AS url,
    if(browsing, concat('/', ['products', 'blog', 'docs', 'solutions', 'customers'][1 + page % 5], '/', ['alpha', 'fast', 'guide', 'pricing', 'story', 'setup', 'team'][1 + page % 7], '-', toString(page)), '') AS path,
    if(browsing AND r3 % 3 = 0, ['https://www.google.com/', 'https://www.example.com/', 'https://t.co/', 'https://www.linkedin.com/'][1 + r2 % 4], '') AS referrer,
    if(session_hash % 3 = 0, ['google', 'newsletter', 'facebook', 'linkedin'][1 + session_hash % 4], '') AS utm_source,
    if(utm_source = '', '', if(utm_source = 'newsletter', 'email', 'cpc')) AS utm_medium,
    if(utm_source = '', '', concat('c', toString(session_hash % 12), '_2026')) AS utm_campaign,
    '' AS utm_term,
    '' AS utm_content,
    multiIf(k = 'content_download', concat('wp-', toString(page % 40)), k = 'product_view' OR k = 'cart_add', concat('sku-', toString(page)), ch = 'email', concat('mail-', toString(intDiv(number, 50000))), '') AS content_id,
    if(k IN ('purchase', 'refund', 'checkout_start'), concat('o-', toString(r2 % 100000000)), '') AS order_id,
    if(k IN ('purchase', 'refund'), toDecimal64(5 + (r3 % 30000) / 100, 4), toDecimal64(0, 4)) AS value,
    if(k IN ('purchase', 'refund'), if(p1 % 4 = 0, 'USD', 'EUR'), '') AS currency,
    NULL AS score,
    if(k = 'chat_message', concat('I would like to know more about ', path, ' and the price of number ', toString(r2 % 5000)), '') AS text,
    NULL AS sentiment,
    if(ch IN ('web', 'app', 'ads', 'chat'), concat('Mozilla/5.0 (', ['Windows NT 10.0; Win64; x64', 'Macintosh; Intel Mac OS X 10_15_7', 'iPhone; CPU iPhone OS 18_2 like Mac OS X', 'Linux; Android 15'][1 + p1 % 4], ') AppleWebKit/537.36 Chrome/', toString(110 + p1 % 40), '.0.0.0'), '') AS user_agent,
    if(user_agent = '', '', concat(toString(p1 % 223), '.', toString(intDiv(p1, 256) % 256), '.', toString(intDiv(p1, 65536) % 256), '.', toString(intDiv(p1, 16777216) % 256))) AS ip,
    ['IT', 'DE', 'FR', 'US', 'GB', 'ES'][1 + p1 % 6] AS country,
    ['it-IT', 'de-DE', 'fr-FR', 'en-US', 'en-GB', 'es-ES'][1 + p1 % 6] AS locale,
    if(r2 % 100 < 3, 'user_agent', '') AS machine,
    multiIf(
        k = 'identify', map('email', concat('u', toString(person), '@example.com'), 'name', concat('Person ', toString(person)), 'plan', ['free', 'pro', 'team'][1 + p1 % 3]),
        browsing, map('title', concat('Page ', toString(page)), 'screen.width', toString([1920, 1440, 390, 2560][1 + p1 % 4]), 'scroll', toString(r3 % 100), 'library.name', 'analytics.js'),
        ch = 'email', map('campaign_id', toString(intDiv(number, 50000)), 'subject', concat('Newsletter ', toString(intDiv(number, 50000)))),
        map('button', ['buy', 'more', 'send'][1 + r2 % 3], 'library.name', 'analytics.js', 'position', toString(r3 % 20))) AS properties
FROM numbers({first:UInt64}, {rows:UInt64})
SETTINGS max_insert_threads = 1, max_partitions_per_insert_block = 0
