-- The number of the last evaluation. No row of a tier_replay that was cut off lives on.
SELECT greatest((SELECT max(version) FROM person_states), (SELECT max(version) FROM tier_observations), (SELECT max(version) FROM tier_replay))
