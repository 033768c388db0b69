-- States of a batch's ids that this evaluation did not write again: ids that now belong to somebody else, people whose
-- events were erased. What was written a moment ago must be read to be told from what was not, so the index of versions may not leave it out.
INSERT INTO person_states (person_id, version, is_deleted, evaluated_at, due_at)
SELECT
    person_id,
    {version:UInt64},
    1,
    {at:DateTime64(3, 'UTC')},
    toDateTime64('2200-01-01', 3, 'UTC')
FROM person_states FINAL
WHERE person_id IN (SELECT distinct_id FROM evaluation_scope WHERE batch = {batch:UUID})
    AND version < {version:UInt64}
SETTINGS use_skip_indexes = 0
