-- Whose an id is, as the resolver decided last (person_map; docs/identity.md says by which rules).
-- Ids that are their own person are not listed: a reader joins this and keeps the id where it finds nothing.
-- As of a moment, an id belongs to person_id from since on, before that to the last of earlier whose time had come, else to itself:
--     multiIf(since <= at, person_id, arrayLast(e -> e.since <= at, earlier).person_id)   -- '' is itself
CREATE OR REPLACE VIEW person_ids /*ON CLUSTER*/
(
    distinct_id String                                                     COMMENT 'An id that belongs to somebody else than itself',
    person_id   String                                                     COMMENT 'The person it belongs to',
    since       DateTime64(3, 'UTC')                                       COMMENT 'From when on: time of the evidence that joined them, UTC',
    earlier     Array(Tuple(since DateTime64(3, 'UTC'), person_id String)) COMMENT 'Whose it was before since, oldest first, when it was somebody else''s: a user that was renamed later; mostly empty'
)
AS
SELECT
    distinct_id,
    person_id,
    since,
    earlier
FROM person_map FINAL
WHERE person_id != distinct_id
COMMENT 'Which person an id belongs to, for ids that are not their own person (one row per such id)'
