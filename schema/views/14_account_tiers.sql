-- Which accounts behave like buyers: the best of their people, how many more there are, and how broad the interest is. Somebody who was never
-- evaluated counts among the people, with no tier and no score.
CREATE OR REPLACE VIEW account_tiers /*ON CLUSTER*/
(
    account_id      String               COMMENT 'The account: id of the group as sent, or a domain such as example.com',
    known_by        String               COMMENT 'How it is known: group, or email domain when nobody named it as a group',
    tier            UInt8                COMMENT 'Best tier of its people; 2: behaves like a buyer; 1: known, below that; 0: not known yet',
    person_id       String               COMMENT 'The person with it, of several the one with the highest score',
    micro_segment   String               COMMENT 'Which part of the tier that person is in; empty when the tier has none',
    people          UInt64               COMMENT 'People who belong to the account',
    engaged         UInt64               COMMENT 'Of them in tier 2',
    breadth         Float64              COMMENT 'engaged / people, 0..1',
    score           Float64              COMMENT 'Sum of the scores of its people, 100 at most',
    action_required String               COMMENT 'What should happen next with that person; empty when nothing',
    last_seen       DateTime64(3, 'UTC') COMMENT 'Last human event of engagement of its people as last evaluated, UTC; 1970 when there is none'
)
AS
WITH
    argMin((person_tier, person, segment, action), (-toInt16(person_tier), -person_score, person)) AS best
SELECT
    account_id,
    if(countIf(how = 'group') > 0, 'group', 'email domain') AS known_by,
    best.1 AS tier,
    best.2 AS person_id,
    best.3 AS micro_segment,
    count() AS people,
    countIf(person_tier = 2) AS engaged,
    engaged / people AS breadth,
    least(100., sum(person_score)) AS score,
    best.4 AS action_required,
    max(seen) AS last_seen
FROM
(
    SELECT
        m.account_id AS account_id,
        m.known_by AS how,
        m.person_id AS person,
        s.tier AS person_tier,
        toString(s.micro_segment) AS segment,
        s.score AS person_score,
        s.action_required AS action,
        s.last_seen AS seen
    FROM account_people AS m
    LEFT JOIN
    (
        SELECT
            person_id,
            tier,
            micro_segment,
            score,
            action_required,
            last_seen
        FROM person_states FINAL
    ) AS s ON s.person_id = m.person_id
)
GROUP BY account_id
SETTINGS join_use_nulls = 0
COMMENT 'Best tier, breadth and score of each account (one row per account)'
