-- Top content: what most people looked at, by page, whitepaper, video or product.
--
-- Content is named by its content_id, or by the page's path where there is none. Machine events are left out.
--
-- param  from    DateTime64(3) = now-30d  start, inclusive, UTC
-- param  to      DateTime64(3) = now      end, exclusive, UTC
-- param  kinds   Array(String) 1..20 = page_view,content_download,video_view,product_view  which kinds of event count
-- param  limit   UInt32 1..10000 = 20     rows at most
-- column content String                   content_id, or path
-- column kind    LowCardinality(String)   what people did with it
-- column people  UInt64                   persons who did
-- column events  UInt64                   how often
-- column last_at DateTime64(3, 'UTC')     the last time
SELECT
    if(content_id = '', path, content_id) AS content,
    kind,
    uniqExact(person_id) AS people,
    count() AS events,
    max(ts) AS last_at
FROM engagement_history
WHERE ts >= {from:DateTime64(3)}
  AND ts < {to:DateTime64(3)}
  AND kind IN {kinds:Array(String)}
  AND machine = ''
  AND (content_id != '' OR path != '')
GROUP BY content, kind
ORDER BY people DESC, events DESC, content, kind
LIMIT {limit:UInt32}
