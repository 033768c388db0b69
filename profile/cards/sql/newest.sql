-- Which table it is, and the number of the last evaluation in it.
SELECT
    toString(uuid) AS identity,
    (SELECT max(version) FROM person_states) AS newest
FROM system.tables
WHERE database = currentDatabase()
  AND name = 'person_states'
