-- Where people stand, as last evaluated.
SELECT
    s.person_id,
    s.distinct_ids,
    s.tier,
    s.micro_segment,
    s.lifecycle,
    s.criteria_met,
    s.score,
    s.reasons.name AS reason_names,
    s.reasons.points AS reason_points,
    s.reasons.text AS reason_texts,
    s.action_required,
    s.since,
    s.evaluated_at,
    s.definitions,
    s.features,
    s.revenue_365d,
    s.revenue_total,
    s.first_seen,
    s.last_seen,
    s.last_purchase_at
FROM person_states AS s FINAL
WHERE s.person_id IN {people:Array(String)}
