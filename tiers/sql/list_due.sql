-- People whose state may have changed by itself: their moment has come, or the definitions are others. One that was evaluated in the future, by a clock
-- that has been set back since, has waited long enough, too. Rows that a newer version replaces lie about until parts merge: the inner SELECT
-- finds them by reading a few narrow columns, the outer one looks up what is true.
INSERT INTO evaluation_scope (batch, distinct_id)
WITH
    (SELECT version FROM definition) AS newest,
    {at:DateTime64(3, 'UTC')} AS moment
SELECT
    {list:UUID},
    person_id
FROM person_states FINAL
WHERE person_id IN
    (
        SELECT person_id
        FROM person_states
        WHERE due_at <= moment OR definitions != newest OR evaluated_at > moment + INTERVAL 1 MINUTE
    )
    AND (due_at <= moment OR definitions != newest OR evaluated_at > moment + INTERVAL 1 MINUTE)
SETTINGS min_insert_block_size_rows = 131072
