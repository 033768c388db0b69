-- Of several services on one database one does what one is enough for (who is who, and tiers; metrics); it says so here, for a while, again and again.
-- It saves work and keeps two from writing at once, but is no lock; see internal/lease.
--
-- How rows merge: of a name the row of the last term stays; a reader says FINAL.
-- ORDER BY name: asked for by it. No PARTITION BY: one row a name.
-- No fsync: after a power failure nobody who is running holds anything.
CREATE TABLE IF NOT EXISTS leases /*ON CLUSTER*/
(
    name   LowCardinality(String) COMMENT 'What is done by one service: people (identities and tiers), metrics (their person-level terms)',
    term   UInt64                 COMMENT 'Counts up whenever somebody takes, renews or gives back the lease',
    holder String                 COMMENT 'Service that has it: machine, process id, and an id of its start',
    until  DateTime64(3, 'UTC')   COMMENT 'When it ends unless it is renewed, by the clock of the database, UTC'
)
ENGINE = /*Replicated*/ReplacingMergeTree(term)
ORDER BY name
COMMENT 'Which service does what one at a time should do (one row per name, once merged)'
