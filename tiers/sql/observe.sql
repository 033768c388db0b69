-- States of a batch, or of everybody (a batch of zeros), that differ from the last one observed; where there is a last one and no state any more, the
-- state is no tier. Two criteria and three are told apart as well, so that it can be asked how well either foretells (signal_strength). Times of one person grow from row to row, whatever the clock does.
INSERT INTO tier_observations (person_id, at, version, tier, micro_segment, score, criteria_met, lifecycle, reasons, features, definitions, replayed)
WITH
    last AS
    (
        SELECT
            person_id,
            max(at) AS last_at,
            argMax(tier, at) AS last_tier,
            argMax(toString(micro_segment), at) AS last_segment,
            argMax(length(criteria_met), at) AS last_met
        FROM tier_observations
        WHERE at <= {before:DateTime64(3, 'UTC')}
            AND ({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000') OR person_id IN (SELECT distinct_id FROM evaluation_scope WHERE batch = {batch:UUID}))
        GROUP BY person_id
    )
SELECT
    if(now.person_id = '', last.person_id, now.person_id),
    greatest(if(now.person_id = '', {at:DateTime64(3, 'UTC')}, now.evaluated_at), last_at + INTERVAL 1 MILLISECOND),
    {version:UInt64},
    now.tier,
    now.micro_segment,
    now.score,
    now.criteria_met,
    now.lifecycle,
    now.reasons,
    now.features,
    if(now.person_id = '', (SELECT version FROM definition), now.definitions),
    {replayed:Bool}
FROM
(
    SELECT *
    FROM person_states FINAL
    WHERE ({batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000') OR person_id IN (SELECT distinct_id FROM evaluation_scope WHERE batch = {batch:UUID}))
) AS now
FULL OUTER JOIN last ON last.person_id = now.person_id
WHERE now.tier != last_tier
    OR toString(now.micro_segment) != last_segment
    OR (length(now.criteria_met) >= 2) != (last_met >= 2)
    OR (length(now.criteria_met) >= 3) != (last_met >= 3)
SETTINGS join_use_nulls = 0
