-- The names of the features of a version of the definitions, in the order of the arrays.
SELECT feature_names
FROM definitions
WHERE version = {version:UInt32}
ORDER BY applied_at DESC
LIMIT 1
