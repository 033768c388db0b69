-- Metrics are kept by one service at a time, too.
ALTER TABLE leases /*ON CLUSTER*/
    COMMENT COLUMN IF EXISTS name 'What is done by one service: people (identities and tiers), metrics (their person-level terms)'
