-- The rows of people from one to before another, an empty one being the end, in the order of people, and of each the newest last.
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
WHERE person_id >= {from:String}
  AND ({end:String} = '' OR person_id < {end:String})
ORDER BY
    person_id,
    version
