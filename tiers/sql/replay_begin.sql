-- No states of another replay.
TRUNCATE TABLE IF EXISTS tier_replay
