-- Everybody known, with all their ids. This goes through everybody: one person is read faster from people_of.
CREATE OR REPLACE VIEW people /*ON CLUSTER*/
(
    person_id    String               COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    distinct_ids Array(String)        COMMENT 'All ids of the person, sorted, person_id among them',
    traits       Map(String, String)  COMMENT 'Latest value of each trait, of all ids, as text',
    account_id   String               COMMENT 'Account the person was last seen with; empty when none',
    first_seen   DateTime64(3, 'UTC') COMMENT 'First human event of engagement, or first evidence of the person when there is none; UTC',
    last_seen    DateTime64(3, 'UTC') COMMENT 'Last human event of engagement, or last evidence of the person when there is none; UTC'
)
AS
SELECT
    person_id,
    distinct_ids,
    traits,
    account_id,
    first_seen,
    last_seen
FROM people_of(id = '')
COMMENT 'Everybody known, with ids, traits and account (one row per person)'
