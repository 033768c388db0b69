-- The rows of evaluations after one and up to another, in the order of people, and of each the newest last. By the index of versions only the parts and
-- granules are read that hold such rows. No FINAL: what is newest among them is newest of all.
SELECT
    person_id,
    version,
    is_deleted,
    distinct_ids,
    tier,
    micro_segment,
    lifecycle,
    criteria_met,
    score,
    reasons,
    action_required,
    since,
    evaluated_at,
    definitions,
    features,
    revenue_365d,
    revenue_total,
    first_seen,
    last_seen,
    last_purchase_at
FROM person_states
WHERE version > {after:UInt64}
  AND version <= {until:UInt64}
ORDER BY
    person_id,
    version
