-- Which days were due was in the column that is gone: without progress, all days are computed once more.
TRUNCATE TABLE IF EXISTS funnel_progress /*ON CLUSTER*/
