-- What the definitions say of people as of a moment: criteria, tier, micro-segment, lifecycle, score with its reasons. The only place where this is
-- decided; the evaluator stores what this answers, and person_tiers shows it.
--
-- at is the moment; batch says whom: the ids of a batch in evaluation_scope, or everybody when it is all zeros.
-- A condition is fulfilled by a feature from at_least to at_most, never by one that is unknown (nan).
-- Points are cut down to eighths: these add up exactly in whatever order. A criterion with several targets contributes the mean of how far each is
-- reached. Penalties count in the order of the definitions, and the score is never below 0: the one that would go below is cut to what is left.
-- Features are those of the second that is just beginning, so that what happened within the last one counts.
CREATE OR REPLACE VIEW person_states_at /*ON CLUSTER*/
(
    person_id         String                                                 COMMENT 'The person as known at that moment: a user id, or an anonymous id nobody had claimed',
    evaluated_at      DateTime64(3, 'UTC')                                   COMMENT 'The moment as of which this is, UTC',
    definitions       UInt32                                                 COMMENT 'Version of the definitions that decided',
    features          Array(Float64)                                         COMMENT 'The features that were judged, in the order of feature_names of the definitions; nan is unknown',
    criteria_met      Array(String)                                          COMMENT 'Names of the criteria that are met, in the order of the definitions',
    tier              UInt8                                                  COMMENT '2: behaves like a buyer; 1: known, below that; 0: not known yet',
    micro_segment     String                                                 COMMENT 'Which part of the tier; empty when it has none',
    lifecycle         Array(String)                                          COMMENT 'Lifecycle segments, in the order of the definitions',
    score             Float64                                                COMMENT 'Sum of the points of reasons, 0..100',
    reasons           Array(Tuple(name String, points Float64, text String)) COMMENT 'What the score is made of: points of criteria, and negative ones of context rules; eighths of a point',
    action_required   String                                                 COMMENT 'What should happen next; empty when nothing',
    due_at            DateTime64(3, 'UTC')                                   COMMENT 'When this may change with no new event, UTC',
    known             Bool                                                   COMMENT 'Whether the person has a user id or traits',
    first_seen        DateTime64(3, 'UTC')                                   COMMENT 'First human event of engagement, UTC',
    last_seen         DateTime64(3, 'UTC')                                   COMMENT 'Last human event of engagement, UTC',
    last_action_at    DateTime64(3, 'UTC')                                   COMMENT 'Last thing the person did, UTC; 1970 when never',
    first_purchase_at DateTime64(3, 'UTC')                                   COMMENT 'First purchase, UTC; 1970 when never',
    last_purchase_at  DateTime64(3, 'UTC')                                   COMMENT 'Last purchase, UTC; 1970 when never',
    revenue_365d      Map(String, Decimal(38, 4))                            COMMENT 'Purchases less refunds of the last 365 days, by currency, in its units',
    revenue_total     Map(String, Decimal(38, 4))                            COMMENT 'Purchases less refunds of all history, by currency, in its units'
)
AS
WITH
    -- One look at the definitions: each costs more than all that follows does for a person.
    (
        SELECT tuple(version, tier2_needs, tier_actions,
            criteria.name, criteria.text, criteria.conditions, arrayMap(c -> (c.weight, c.targets), criteria),
            micro_segments.name, micro_segments.action, arrayMap(s -> (s.tier, s.conditions), micro_segments),
            lifecycle.name, lifecycle.conditions,
            context_rules.name, context_rules.text, arrayMap(r -> (r.conditions, r.penalty), context_rules))
        FROM definition
    ) AS defined,
    defined.2 AS needed,
    defined.4 AS criteria_names,
    defined.5 AS criteria_texts,
    defined.6 AS criteria_conditions,
    defined.7 AS criteria_weights,
    defined.8 AS segment_names,
    defined.9 AS segment_actions,
    defined.10 AS segment_rules,
    defined.11 AS lifecycle_names,
    defined.12 AS lifecycle_conditions,
    defined.13 AS context_names,
    defined.14 AS context_texts,
    defined.15 AS context_penalties,
    {at:DateTime64(3, 'UTC')} AS moment,
    judged AS
    (
        SELECT
            f.*,
            arrayMap(
                conditions -> arrayAll(c -> f.features[c.feature] >= c.at_least AND f.features[c.feature] <= c.at_most, conditions),
                criteria_conditions) AS met,
            arrayMap(
                c -> floor(8 * c.1 * ifNotFinite(arrayAvg(t -> greatest(0., least(1., ifNotFinite(f.features[t.feature], 0.) / t.target)), c.2), 0.)) / 8,
                criteria_weights) AS earned,
            arrayMap(
                r -> if(arrayAll(c -> f.features[c.feature] >= c.at_least AND f.features[c.feature] <= c.at_most, r.1), floor(8 * r.2) / 8, -1),
                context_penalties) AS asked,
            arrayMap(
                conditions -> arrayAll(c -> f.features[c.feature] >= c.at_least AND f.features[c.feature] <= c.at_most, conditions),
                lifecycle_conditions) AS stages,
            multiIf(needed > 0 AND arrayCount(met) >= needed, 2, f.known, 1, 0) AS decided_tier,
            arrayFirstIndex(
                s -> s.1 = decided_tier AND arrayAll(c -> f.features[c.feature] >= c.at_least AND f.features[c.feature] <= c.at_most, s.2),
                segment_rules) AS segment,
            arrayMap(p -> greatest(p, 0.), asked) AS penalties,
            -- What is left of the score before each penalty limits it.
            arrayMap((p, sum) -> least(p, greatest(0., arraySum(earned) - (sum - p))), penalties, arrayCumSum(penalties)) AS taken
        FROM person_features_at(at = toDateTime({at:DateTime64(3, 'UTC')} + INTERVAL 999 MILLISECOND, 'UTC'), batch = {batch:UUID}) AS f
    )
SELECT
    person_id,
    moment AS evaluated_at,
    defined.1 AS definitions,
    features,
    arrayFilter((name, is_met) -> is_met, criteria_names, met) AS criteria_met,
    decided_tier AS tier,
    segment_names[segment] AS micro_segment,
    arrayFilter((name, fits) -> fits, lifecycle_names, stages) AS lifecycle,
    arraySum(earned) - arraySum(taken) AS score,
    arrayConcat(
        arrayFilter(r -> r.2 > 0, arrayZip(criteria_names, earned, criteria_texts)),
        arrayMap(
            r -> (r.1, -r.2, r.3),
            arrayFilter((r, p) -> p >= 0, arrayZip(context_names, taken, context_texts), asked)))::Array(Tuple(name String, points Float64, text String)) AS reasons,
    coalesce(nullIf(segment_actions[segment], ''), (defined.3)[toString(decided_tier)]) AS action_required,
    toDateTime64(next_change, 3, 'UTC') AS due_at,
    known,
    first_seen,
    last_seen,
    last_action_at,
    first_purchase_at,
    last_purchase_at,
    revenue_365d,
    revenue_total
FROM judged
SETTINGS join_use_nulls = 0
COMMENT 'What the definitions say of people as of a moment, of a batch or of everybody (one row per person with an event until then)'
