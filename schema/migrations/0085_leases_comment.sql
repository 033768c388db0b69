-- The lease of erasures came later than the table: its readers are told of it, too.
ALTER TABLE leases /*ON CLUSTER*/
    COMMENT COLUMN IF EXISTS name 'What is done by one service: people (identities and tiers), metrics (their person-level terms), erasures (a person is removed)'
