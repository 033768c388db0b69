-- Whose an id is, decided on reading from the evidence in identity_edges:
-- an id belongs to the earliest user it was seen with; when that user was itself renamed by an alias, to the new name (one hop).
-- Ids that are their own person are not listed: a reader joins this and keeps the id where it finds nothing.
CREATE OR REPLACE VIEW person_ids /*ON CLUSTER*/
(
    distinct_id String COMMENT 'An id that belongs to somebody else than itself',
    person_id   String COMMENT 'The person it belongs to: a user id'
)
AS
WITH
    earliest AS
    (
        SELECT distinct_id AS id, argMin(user_id, (first_at, user_id)) AS user
        FROM identity_edges
        GROUP BY id
    ),
    renamed AS
    (
        SELECT distinct_id AS old, argMin(user_id, (first_at, user_id)) AS new
        FROM identity_edges
        WHERE kind = 'alias'
        GROUP BY old
    )
SELECT
    earliest.id AS distinct_id,
    coalesce(nullIf(renamed.new, ''), earliest.user) AS person_id
FROM earliest
LEFT JOIN renamed ON renamed.old = earliest.user
WHERE person_id != distinct_id
SETTINGS join_use_nulls = 0
COMMENT 'Which person an id belongs to, for ids that are not their own person (one row per such id)'
