-- When people came into a tier or micro-segment, and from where: one row per change, and only per change. A row says what was known then, and
-- which definitions decided.
CREATE OR REPLACE VIEW tier_history /*ON CLUSTER*/
(
    person_id     String                                                 COMMENT 'The person, as known then',
    at            DateTime64(3, 'UTC')                                   COMMENT 'When it changed, UTC; of a replayed row the end of the day',
    from_tier     UInt8                                                  COMMENT 'Tier before; 0 when there was none',
    from_segment  String                                                 COMMENT 'Micro-segment before; empty when there was none',
    tier          UInt8                                                  COMMENT 'Tier from then on; 0: not known, or no longer a person of its own',
    micro_segment String                                                 COMMENT 'Micro-segment from then on; empty when there is none',
    score         Float64                                                COMMENT 'Score then, 0..100',
    criteria_met  Array(String)                                          COMMENT 'Names of the criteria met then',
    lifecycle     Array(String)                                          COMMENT 'Lifecycle segments then',
    reasons       Array(Tuple(name String, points Float64, text String)) COMMENT 'What the score was made of then',
    features      Array(Float64)                                         COMMENT 'The features that were judged, in the order of feature_names of those definitions; nan is unknown',
    definitions   UInt32                                                 COMMENT 'Version of the definitions that decided',
    replayed      Bool                                                   COMMENT 'Computed later, as of the end of that day'
)
AS
SELECT
    person_id,
    at,
    from_tier,
    from_segment,
    tier,
    micro_segment,
    score,
    criteria_met,
    lifecycle,
    reasons,
    features,
    definitions,
    replayed
FROM
(
    SELECT
        *,
        lagInFrame(tier, 1, 0) OVER person AS from_tier,
        lagInFrame(toString(micro_segment), 1, '') OVER person AS from_segment
    FROM tier_observations FINAL
    WINDOW person AS (PARTITION BY person_id ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
)
WHERE tier != from_tier OR micro_segment != from_segment
COMMENT 'Changes of tier and micro-segment (one row per person and change)'
