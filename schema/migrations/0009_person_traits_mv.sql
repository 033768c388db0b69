-- Feeds person_traits from the identify messages in every insert into events.
CREATE MATERIALIZED VIEW IF NOT EXISTS person_traits_mv /*ON CLUSTER*/ TO person_traits
(
    distinct_id String                 COMMENT 'User id, or anonymous id when identify came without one',
    trait       LowCardinality(String) COMMENT 'Name of the trait, nested names joined by dots: email, name, company.size, ...',
    value       String                 COMMENT 'Its value as text',
    at          DateTime64(3, 'UTC')   COMMENT 'When it was told, UTC'
)
AS
SELECT
    distinct_id,
    told.1 AS trait,
    told.2 AS value,
    ts AS at
FROM events
ARRAY JOIN CAST(properties, 'Array(Tuple(LowCardinality(String), String))') AS told
WHERE type = 'identify'
COMMENT 'Feeds person_traits from inserts into events'
