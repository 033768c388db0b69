-- Lifecycle segments: how many people are in each, such as first-time buyers and the lapsed.
--
-- As the running service last evaluated them. A person can be in several segments, or in none; segments nobody is in are listed, too.
--
-- column lifecycle String     name, as defined
-- column people    UInt64     who are in it now
-- column share     Float64    of all people, 0..1
-- column score     Float64    their mean score, 0..100; 0 when there are none
-- column text      String     what the definitions say about it
SELECT
    defined.name AS lifecycle,
    now.people AS people,
    round(now.people / greatest(1, assumeNotNull((SELECT count() FROM person_tiers))), 6) AS share,
    round(now.score, 1) AS score,
    defined.text AS text
FROM
(
    SELECT
        segment.1 AS name,
        segment.2 AS text
    FROM definition
    ARRAY JOIN lifecycle AS segment
) AS defined
LEFT JOIN
(
    SELECT
        segment,
        count() AS people,
        avg(score) AS score
    FROM person_tiers
    ARRAY JOIN lifecycle AS segment
    GROUP BY segment
) AS now ON now.segment = defined.name
ORDER BY people DESC, lifecycle
