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
SELECT
    person_id,
    {at:DateTime64(3, 'UTC')} AS evaluated_at,
    defined.version[1] AS definitions,
    features,
    arrayFilter((name, fit) -> fit, defined.criteria, met) AS criteria_met,
    decided_tier AS tier,
    defined.segments[arrayFirstIndex((tier, fit) -> tier = decided_tier AND fit, defined.segment_tiers, segment_fits) AS segment] AS micro_segment,
    arrayFilter((name, fit) -> fit, defined.lifecycle, arraySlice(fits, 1 + length(defined.criteria), length(defined.lifecycle))) AS lifecycle,
    -- What is left of the score before each penalty limits it.
    arraySum(earned) - arraySum(arrayMap((p, sum) -> least(p, greatest(0., arraySum(earned) - (sum - p))), penalties, arrayCumSum(penalties)) AS taken) AS score,
    arrayConcat(
        arrayFilter(r -> r.2 > 0, arrayZip(defined.criteria, earned, defined.criteria_texts)),
        arrayMap(
            r -> (r.1, -r.2, r.3),
            arrayFilter((r, fit) -> fit, arrayZip(defined.contexts, taken, defined.context_texts), asked)))::Array(Tuple(name String, points Float64, text String)) AS reasons,
    coalesce(nullIf(defined.segment_actions[segment], ''), defined.tier_actions[toString(decided_tier)]) AS action_required,
    toDateTime64(next_change, 3, 'UTC') AS due_at,
    known,
    first_seen,
    last_seen,
    last_action_at,
    first_purchase_at,
    last_purchase_at,
    revenue_365d,
    revenue_total
FROM
(
    SELECT
        *,
        arraySlice(fits, 1, length(defined.criteria)) AS met,
        arraySlice(fits, 1 + length(defined.criteria) + length(defined.lifecycle), length(defined.penalties)) AS asked,
        arrayMap((fit, points) -> if(fit, points, 0), asked, defined.penalties) AS penalties,
        arraySlice(fits, 1 + length(defined.criteria) + length(defined.lifecycle) + length(defined.penalties)) AS segment_fits,
        multiIf(defined.needed[1] > 0 AND arrayCount(met) >= defined.needed[1], 2, known, 1, 0) AS decided_tier
    FROM
    (
        SELECT
            *,
            -- One look at the definitions, as worked out when they were applied: each mention of a scalar is analysed again.
            (SELECT argMax(for_states, (version, applied_at)) FROM definitions) AS defined,
            -- Which lists of conditions are fulfilled: of the criteria, the lifecycle segments, the context rules, the micro-segments, in this order.
            arrayMap(
                conditions -> arrayAll(c -> features[c.feature] >= c.at_least AND features[c.feature] <= c.at_most, conditions),
                defined.conditions) AS fits,
            arrayMap(
                c -> floor(8 * c.weight * ifNotFinite(arrayAvg(t -> greatest(0., least(1., ifNotFinite(features[t.feature], 0.) / t.target)), c.targets), 0.)) / 8,
                defined.weights) AS earned
        FROM person_features_at(at = toDateTime({at:DateTime64(3, 'UTC')} + INTERVAL 999 MILLISECOND, 'UTC'), batch = {batch:UUID})
    )
)
SETTINGS join_use_nulls = 0
COMMENT 'What the definitions say of people as of a moment, of a batch or of everybody (one row per person with an event until then)'
