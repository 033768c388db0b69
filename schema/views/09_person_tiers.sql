-- Where each person stands now: the newest states.
CREATE OR REPLACE VIEW person_tiers /*ON CLUSTER*/
(
    person_id        String                                                 COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    tier             UInt8                                                  COMMENT '2: behaves like a buyer; 1: known, below that; 0: not known yet',
    micro_segment    String                                                 COMMENT 'Which part of the tier; empty when it has none',
    lifecycle        Array(String)                                          COMMENT 'Lifecycle segments, such as first-time buyers',
    score            Float64                                                COMMENT 'Sum of the points of reasons, 0..100',
    criteria_met     Array(String)                                          COMMENT 'Names of the criteria that are met',
    reasons          Array(Tuple(name String, points Float64, text String)) COMMENT 'What the score is made of: points of criteria, and negative ones of context rules; they add up to it exactly',
    action_required  String                                                 COMMENT 'What should happen next; empty when nothing',
    since            DateTime64(3, 'UTC')                                   COMMENT 'When the person came into this tier and micro-segment, UTC; first seen when they never had one',
    previous_tier    UInt8                                                  COMMENT 'Tier before since',
    previous_segment String                                                 COMMENT 'Micro-segment before since',
    known            Bool                                                   COMMENT 'Whether the person has a user id or traits',
    features         Array(Float64)                                         COMMENT 'The features that were judged, in the order of feature_names of the definitions; nan is unknown',
    definitions      UInt32                                                 COMMENT 'Version of the definitions that decided',
    evaluated_at     DateTime64(3, 'UTC')                                   COMMENT 'When this was decided, UTC',
    due_at           DateTime64(3, 'UTC')                                   COMMENT 'When it is decided again at the latest, UTC',
    first_seen       DateTime64(3, 'UTC')                                   COMMENT 'First human event of engagement, UTC',
    last_seen        DateTime64(3, 'UTC')                                   COMMENT 'Last human event of engagement, UTC'
)
AS
SELECT
    person_id,
    tier,
    micro_segment,
    lifecycle,
    score,
    criteria_met,
    reasons,
    action_required,
    since,
    previous_tier,
    previous_segment,
    known,
    features,
    definitions,
    evaluated_at,
    due_at,
    first_seen,
    last_seen
FROM person_states FINAL
COMMENT 'Tier, micro-segment, lifecycle and score of everybody, with reasons (one row per person)'
