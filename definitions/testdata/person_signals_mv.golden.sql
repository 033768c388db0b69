CREATE MATERIALIZED VIEW person_signals_mv TO person_signals
(
    `distinct_id` String COMMENT 'User id, or anonymous id of a visitor who is not logged in',
    `day` Date COMMENT 'Day of the events, UTC',
    `signals` SimpleAggregateFunction(sumMap, Map(String, UInt64)) COMMENT 'Human events by signal; a signal that did not happen is not there',
    `key_pages` SimpleAggregateFunction(groupArrayArray, Array(Tuple(
        UInt32,
        String))) COMMENT 'Views of key pages: unix seconds and the name of the key page, in no order',
    `download_times` SimpleAggregateFunction(groupArrayArray, Array(UInt32)) COMMENT 'Times of content downloads, unix seconds, in no order',
    `nps` SimpleAggregateFunction(max, Tuple(
        DateTime64(3, 'UTC'),
        Float32)) COMMENT 'Last answer of the day to an NPS survey: time and score (0 to 10); 1970 when there is none',
    `csat` SimpleAggregateFunction(max, Tuple(
        DateTime64(3, 'UTC'),
        Float32)) COMMENT 'Last answer of the day to a satisfaction survey: time and score, in the scale of the survey; 1970 when there is none',
    `sentiment_sum` SimpleAggregateFunction(sum, Float64) COMMENT 'Sum of the sentiment (-1 to 1) of what the person wrote',
    `sentiment_count` SimpleAggregateFunction(sum, UInt64) COMMENT 'How many texts that is'
)
COMMENT 'Feeds person_signals from inserts into events (query 1bd5f360ceb1)'
AS SELECT
    distinct_id,
    toDate(ts) AS day,
    mapFilter((signal, n) -> (n > 0), map('whitepaper_downloads', sum(signal_1), 'demo_downloads', sum(signal_2), 'demo_link_clicks', sum(signal_3), 'advanced_forms', sum(signal_4))) AS signals,
    groupArrayIf((second, key_page), key_page != '') AS key_pages,
    groupArrayIf(second, download) AS download_times,
    maxIf((ts, assumeNotNull(score)), nps_answer) AS nps,
    maxIf((ts, assumeNotNull(score)), csat_answer) AS csat,
    sum(toFloat64(ifNull(sentiment, 0))) AS sentiment_sum,
    sum(isNotNull(sentiment)) AS sentiment_count
FROM
(
    SELECT
        distinct_id,
        ts,
        score,
        sentiment,
        toUInt32(intDiv(toUnixTimestamp64Milli(ts), 1000)) AS second,
        if((kind IN ('content_download', 'email_click', 'form_submission', 'survey_response')), properties, CAST(map(), 'Map(LowCardinality(String), String)')) AS asked,
        (((kind = 'content_download') AND ((position(lower(content_id), 'whitepaper') > 0) OR (position(lower(content_id), 'white-paper') > 0) OR (position(lower(content_id), 'white_paper') > 0) OR (position(lower(content_id), 'ebook') > 0) OR (position(lower(content_id), 'guide') > 0) OR (position(lower(content_id), 'playbook') > 0) OR (position(lower(content_id), 'report') > 0))) OR ((kind = 'content_download') AND ((position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'whitepaper') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'white_paper') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'ebook') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'guide') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'playbook') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'report') > 0))) OR ((kind = 'content_download') AND ((position(lower(path), 'whitepaper') > 0) OR (position(lower(path), 'white-paper') > 0) OR (position(lower(path), 'ebook') > 0))) OR ((kind = 'content_download') AND ((position(lower(asked['title']), 'whitepaper') > 0) OR (position(lower(asked['title']), 'white paper') > 0) OR (position(lower(asked['title']), 'ebook') > 0))) OR ((kind = 'content_download') AND ((position(lower(asked['content_type']), 'whitepaper') > 0) OR (position(lower(asked['content_type']), 'white paper') > 0) OR (position(lower(asked['content_type']), 'ebook') > 0)))) AS signal_1,
        (((kind = 'content_download') AND ((position(lower(content_id), 'demo') > 0) OR (position(lower(content_id), 'trial') > 0))) OR ((kind = 'content_download') AND ((position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'demo') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'trial') > 0))) OR ((kind = 'content_download') AND ((position(lower(path), '/demo') > 0) OR (position(lower(path), '/trial') > 0))) OR ((kind = 'content_download') AND ((position(lower(asked['title']), 'demo') > 0) OR (position(lower(asked['title']), 'trial') > 0))) OR ((kind = 'content_download') AND (lower(asked['content_type']) IN ('demo', 'trial')))) AS signal_2,
        (((kind = 'email_click') AND ((position(lower(asked['link_url']), 'demo') > 0) OR (position(lower(asked['link_url']), 'trial') > 0))) OR ((kind = 'email_click') AND ((position(lower(url), 'demo') > 0) OR (position(lower(url), 'trial') > 0))) OR ((kind = 'email_click') AND ((position(lower(content_id), 'demo') > 0) OR (position(lower(content_id), 'trial') > 0))) OR ((kind = 'email_click') AND ((position(lower(asked['link_id']), 'demo') > 0) OR (position(lower(asked['link_id']), 'trial') > 0))) OR ((kind = 'email_click') AND ((position(lower(asked['link_text']), 'demo') > 0) OR (position(lower(asked['link_text']), 'trial') > 0)))) AS signal_3,
        (((kind = 'form_submission') AND ((position(lower(content_id), 'demo') > 0) OR (position(lower(content_id), 'quote') > 0) OR (lower(content_id) LIKE '%contact%sales%') OR (lower(content_id) LIKE '%sales%contact%') OR (position(lower(content_id), 'trial') > 0) OR (position(lower(content_id), 'pricing') > 0) OR (position(lower(content_id), 'consult') > 0))) OR ((kind = 'form_submission') AND ((position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'demo') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'quote') > 0) OR (trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_') LIKE '%contact%sales%') OR (trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_') LIKE '%sales%contact%') OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'trial') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'pricing') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'consult') > 0))) OR ((kind = 'form_submission') AND ((position(lower(path), '/demo') > 0) OR (position(lower(path), '/quote') > 0) OR (position(lower(path), '/contact-sales') > 0) OR (position(lower(path), '/trial') > 0))) OR ((kind = 'form_submission') AND ((position(lower(asked['form_id']), 'demo') > 0) OR (position(lower(asked['form_id']), 'quote') > 0) OR (lower(asked['form_id']) LIKE '%contact%sales%') OR (lower(asked['form_id']) LIKE '%sales%contact%') OR (position(lower(asked['form_id']), 'trial') > 0) OR (position(lower(asked['form_id']), 'pricing') > 0) OR (position(lower(asked['form_id']), 'consult') > 0))) OR ((kind = 'form_submission') AND ((position(lower(asked['form_name']), 'demo') > 0) OR (position(lower(asked['form_name']), 'quote') > 0) OR (lower(asked['form_name']) LIKE '%contact%sales%') OR (lower(asked['form_name']) LIKE '%sales%contact%') OR (position(lower(asked['form_name']), 'trial') > 0) OR (position(lower(asked['form_name']), 'pricing') > 0) OR (position(lower(asked['form_name']), 'consult') > 0)))) AS signal_4,
        kind = 'content_download' AS download,
        multiIf(kind != 'page_view', '', (lower(path) IN ('/', '/home', '/home/', '/index.html', '/index.html/')), 'home', (startsWith(lower(path), '/demo') OR endsWith(lower(path), '/demo') OR endsWith(lower(path), '/demo/') OR startsWith(lower(path), '/request-demo') OR startsWith(lower(path), '/trial')), 'demo', (startsWith(lower(path), '/contact') OR endsWith(lower(path), '/contact') OR endsWith(lower(path), '/contact/')), 'contact', (startsWith(lower(path), '/pricing') OR endsWith(lower(path), '/pricing') OR endsWith(lower(path), '/pricing/') OR startsWith(lower(path), '/plans')), 'pricing', (startsWith(lower(path), '/whitepaper') OR (position(lower(path), '/whitepaper') > 0) OR startsWith(lower(path), '/resources/') OR startsWith(lower(path), '/ebook')), 'whitepaper', (startsWith(lower(path), '/case-stud') OR startsWith(lower(path), '/customers') OR (position(lower(path), '/case-stud') > 0)), 'case_study', (startsWith(lower(path), '/product') OR startsWith(lower(path), '/solutions') OR startsWith(lower(path), '/features')), 'product', '') AS key_page,
        ((kind = 'survey_response') AND isNotNull(score) AND ((position(lower(asked['survey_id']), 'nps') > 0) OR (position(lower(asked['survey']), 'nps') > 0) OR (position(lower(asked['survey_type']), 'nps') > 0) OR (position(lower(content_id), 'nps') > 0) OR ((position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'nps') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'promoter') > 0)))) AS nps_answer,
        ((kind = 'survey_response') AND isNotNull(score) AND (((position(lower(asked['survey_id']), 'csat') > 0) OR (position(lower(asked['survey_id']), 'satisfaction') > 0)) OR ((position(lower(asked['survey']), 'csat') > 0) OR (position(lower(asked['survey']), 'satisfaction') > 0)) OR ((position(lower(asked['survey_type']), 'csat') > 0) OR (position(lower(asked['survey_type']), 'satisfaction') > 0)) OR ((position(lower(content_id), 'csat') > 0) OR (position(lower(content_id), 'satisfaction') > 0)) OR ((position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'csat') > 0) OR (position(trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\t_-]+', '_'), '_'), 'satisfaction') > 0)))) AS csat_answer
    FROM events
    WHERE (machine = '') AND (kind NOT IN ('identify', 'group', 'alias')) AND ((kind IN ('content_download', 'email_click', 'form_submission', 'page_view', 'survey_response')) OR isNotNull(sentiment))
)
WHERE signal_1 OR signal_2 OR signal_3 OR signal_4 OR download OR (key_page != '') OR nps_answer OR csat_answer OR isNotNull(sentiment)
GROUP BY
    distinct_id,
    day
