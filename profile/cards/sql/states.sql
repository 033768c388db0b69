-- Rows of evaluations. What follows says which. No FINAL: of each person the one that was read last is the newest.
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
