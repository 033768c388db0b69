-- The accounts there are, with how many people are known of each.
CREATE OR REPLACE VIEW accounts /*ON CLUSTER*/
(
    account_id String               COMMENT 'The account: id of the group as sent, or a domain such as example.com',
    known_by   String               COMMENT 'How it is known: group, or email domain when nobody named it as a group',
    people     UInt64               COMMENT 'People who belong to it',
    first_seen DateTime64(3, 'UTC') COMMENT 'First time anybody of it was seen, UTC: first human event of engagement as last evaluated, or first evidence that they belong to it',
    last_seen  DateTime64(3, 'UTC') COMMENT 'Last time anybody of it was seen, UTC: the same of the last'
)
AS
SELECT
    m.account_id AS account_id,
    if(countIf(m.known_by = 'group') > 0, 'group', 'email domain') AS known_by,
    count() AS people,
    min(if(s.seen, least(s.first_seen, m.first_at), m.first_at)) AS first_seen,
    max(if(s.seen, greatest(s.last_seen, m.last_at), m.last_at)) AS last_seen
FROM account_people AS m
LEFT JOIN
(
    SELECT
        person_id,
        true AS seen,
        first_seen,
        last_seen
    FROM person_states FINAL
) AS s ON s.person_id = m.person_id
GROUP BY account_id
SETTINGS join_use_nulls = 0
COMMENT 'Companies and groups, and how many people of each are known (one row per account)'
