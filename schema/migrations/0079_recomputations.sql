-- What somebody asked to be computed again, because what it is derived from was written by something else than new events: a month was rebuilt, a
-- person erased, ids changed hands. Whoever computes it (package identity, package funnel) may be another service; what was asked for outlives both.
--
-- How rows merge: the row of whoever asked and the row of whoever has done it take each other away; a reader says FINAL and takes sign 1. Every
-- request has an id of its own, so what is asked for again while it is being done is done again, and what was done twice was done.
-- ORDER BY (what, day, request): that is what a request is. No PARTITION BY: nothing stays.
CREATE TABLE IF NOT EXISTS recomputations /*ON CLUSTER*/
(
    what    LowCardinality(String) COMMENT 'identities: decide about everybody anew; metrics: compute the person-level terms of day anew',
    day     Date                   COMMENT 'Of metrics the day, and 1970-01-01 the terms of customers, which are of all history; of identities always 1970-01-01',
    request UUID                   COMMENT 'Tells requests apart; those of several days may share it',
    at      DateTime64(3, 'UTC')   COMMENT 'When it was asked for, UTC',
    sign    Int8                   COMMENT '1: asked for; -1: done'
)
ENGINE = /*Replicated*/CollapsingMergeTree(sign)
ORDER BY (what, day, request)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'What is to be computed again and is not yet (one row per what, day and request, with FINAL and sign 1)'
