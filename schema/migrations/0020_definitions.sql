-- What the numbers mean: each version of the definitions (livello.yaml) that was applied. Views read the newest through the view
-- definition, so a change counts at once; results say which version decided, and its row stays.
--
-- How rows merge: never. A version is one row, written once.
-- ORDER BY version: the newest is the last. PARTITION BY nothing: there are few.
-- Features are numbered from 1 in the order of feature_names; a condition is fulfilled by a feature in [at_least, at_most], which
-- are -inf and inf where it is open, and never by one that is NaN, unknown.
-- index_granularity 64: a row holds a whole file, and nobody reads more than one.
CREATE TABLE IF NOT EXISTS definitions /*ON CLUSTER*/
(
    version            UInt32                COMMENT 'Counts up from 1',
    applied_at         DateTime64(3, 'UTC')  COMMENT 'When it was applied, UTC',
    applied_by         String                COMMENT 'Who applied it: a user of the machine, or livello for the definitions it comes with',
    note               String                COMMENT 'What whoever applied it said about it',
    checksum           String                COMMENT 'SHA-256 of source, hexadecimal',
    source             String                COMMENT 'The definitions as they were given, YAML; empty or partial: the rest is what livello comes with' CODEC(ZSTD(3)),
    complete           String                COMMENT 'The definitions in full, defaults filled in, JSON: what livello compares versions by' CODEC(ZSTD(3)),
    session_timeout    UInt32                COMMENT 'Seconds without an event that end a session',
    half_lives         Map(String, Float64)  COMMENT 'Days in which an event loses half of its weight, per rolled feature and signal',
    feature_names      Array(String)         COMMENT 'Names of the feature array, in its order; conditions give positions in it, from 1',
    signals            Array(Tuple(name String, text String)) COMMENT 'Signals: what is counted per person and day besides the built-in kinds, in order',
    key_paths          Array(Tuple(name String, pages Array(String))) COMMENT 'Paths to be walked in order: names of key pages',
    criteria           Array(Tuple(name String, text String, conditions Array(Tuple(feature UInt16, at_least Float64, at_most Float64)), weight Float64, targets Array(Tuple(feature UInt16, target Float64)))) COMMENT 'Criteria of tier 2: met when all conditions are; weights sum to 100, and targets say where a contribution to the score is full',
    tier2_needs        UInt8                 COMMENT 'How many criteria make tier 2',
    micro_segments     Array(Tuple(name String, tier UInt8, text String, conditions Array(Tuple(feature UInt16, at_least Float64, at_most Float64)), action String)) COMMENT 'Segments within a tier, the first that fits counts; no conditions: everybody of the tier',
    lifecycle          Array(Tuple(name String, text String, conditions Array(Tuple(feature UInt16, at_least Float64, at_most Float64)))) COMMENT 'Lifecycle segments; a person is in all that fit',
    context_rules      Array(Tuple(name String, text String, conditions Array(Tuple(feature UInt16, at_least Float64, at_most Float64)), penalty Float64)) COMMENT 'What speaks against a lead, and how many points of the score it takes',
    tier_actions       Map(String, String)   COMMENT 'What to do with people of a tier (2, 1, 0) whose micro-segment does not say',
    conversion_kinds   Array(String)         COMMENT 'Event kinds that are a conversion',
    conversion_days    UInt16                COMMENT 'Days after entering a tier or segment within which a conversion is its success',
    gold_people        UInt16                COMMENT 'People with a known outcome that a segment needs before its rate says anything',
    gold_rate          Float64               COMMENT 'Rate of conversion, 0..1, from which such a segment is gold',
    base_currency      String                COMMENT 'Currency that money is added up in, ISO 4217',
    free_mail          Array(String)         COMMENT 'Email domains that are no company, lower case',
    role_names         Array(String)         COMMENT 'Mailboxes that are no person (the part before the @), lower case',
    identity_max_users UInt16                COMMENT 'An id seen with more users than this joins nobody',
    identity_max_ids   UInt32                COMMENT 'A person never has more ids than this',
    acquisition        Array(Tuple(channel String, utm_medium Array(String), utm_source Array(String), referrer Array(String))) COMMENT 'How people come: the first row whose lists all fit (LIKE patterns on lower case; an empty list fits anything)',
    metrics            Array(Tuple(level String, metric String, text String, unit String, numerator Array(String), denominator Array(String))) COMMENT 'Metrics of the funnel: terms of funnel_terms that are added up (a leading - subtracts), one sum over the other; no denominator: 1'
)
ENGINE = /*Replicated*/MergeTree
ORDER BY version
SETTINGS index_granularity = 64, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Definitions that were applied (one row per version); the view definition is the newest'
