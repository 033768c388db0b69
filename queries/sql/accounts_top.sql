-- Which accounts to talk to first: those with the best people, and of them the ones with most interest.
--
-- An account is a group that events named, or the domain of people's email addresses (view account_people says by which rules). breadth tells one
-- person's interest from a company's.
--
-- param  limit         UInt32 1..10000 = 20    at most so many
-- param  people        UInt32 = 1              accounts with at least so many people
-- column account_id    String
-- column known_by      String                  group, or email domain
-- column tier          UInt8                   best tier of its people
-- column score         Float64                 sum of the scores of its people, 100 at most
-- column people        UInt64                  people known of it
-- column engaged       UInt64                  of them in tier 2
-- column breadth       Float64                 engaged / people, 0..1
-- column person_id     String                  the person with the best tier and score
-- column micro_segment String                  where that person is; empty when the tier has none
-- column last_seen     DateTime64(3, 'UTC')    last event of engagement of anybody of it, UTC
-- column action        String                  what should happen next with that person
SELECT
    account_id,
    known_by,
    tier,
    score,
    people,
    engaged,
    round(breadth, 4) AS breadth,
    person_id,
    micro_segment,
    last_seen,
    action_required AS action
FROM account_tiers
WHERE people >= {people:UInt32}
ORDER BY tier DESC, score DESC, engaged DESC, account_id
LIMIT {limit:UInt32}
