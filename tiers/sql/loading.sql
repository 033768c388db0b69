-- Inserts into events that are going on. Their rollups may not be visible yet while their ids already are.
SELECT query_id
FROM system.processes
WHERE query_kind = 'Insert'
    AND current_database = currentDatabase()
    AND match(query, '(?i)^\\s*INSERT\\s+INTO\\s+(\\S+\\.)?`?events`?\\b')
