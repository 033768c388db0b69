-- Which account each person belongs to: the group they were last seen acting for; without one the domain of their email address, unless that is a
-- free mail service's, or the address a mailbox that is no person's (info@).
--
-- A person belongs to one account, so that sums over accounts count nobody twice. Who changed groups belongs to the last one; an address
-- counts only for those who never acted for a group.
CREATE OR REPLACE VIEW account_people /*ON CLUSTER*/
(
    account_id String               COMMENT 'The account: id of the group as sent, or a domain such as example.com',
    person_id  String               COMMENT 'The person: a user id, or an anonymous id nobody has claimed',
    known_by   String               COMMENT 'How it is known: group, or email domain',
    first_at   DateTime64(3, 'UTC') COMMENT 'First evidence for it, UTC; of an email address when it was told last',
    last_at    DateTime64(3, 'UTC') COMMENT 'Last evidence for it, UTC'
)
AS
WITH
    (SELECT tuple(free_mail, role_names) FROM definition) AS defined,
    addresses AS
    (
        SELECT
            distinct_id,
            at,
            splitByChar('@', lowerUTF8(trimBoth(value))) AS parts,
            splitByChar('+', parts[1])[1] AS mailbox,
            parts[2] AS domain
        FROM person_traits FINAL
        WHERE trait = 'email'
    ),
    evidence AS
    (
        SELECT
            distinct_id,
            account_id,
            'group' AS how,
            first_at AS first,
            last_at AS last
        FROM account_members
        UNION ALL
        SELECT
            distinct_id,
            domain,
            'email domain',
            at,
            at
        FROM addresses
        WHERE length(parts) = 2
          AND mailbox != ''
          AND match(domain, '^[^\\s.]+(\\.[^\\s.]+)+$')
          AND NOT has(defined.1, domain)
          AND NOT has(defined.2, mailbox)
    ),
    candidates AS
    (
        SELECT
            coalesce(nullIf(p.person_id, ''), e.distinct_id) AS person,
            e.account_id AS account,
            e.how AS how,
            min(e.first) AS first,
            max(e.last) AS last
        FROM evidence AS e
        LEFT JOIN person_ids AS p ON p.distinct_id = e.distinct_id
        GROUP BY person, account, how
    )
SELECT
    chosen.1 AS account_id,
    person AS person_id,
    chosen.2 AS known_by,
    chosen.3 AS first_at,
    chosen.4 AS last_at
FROM
(
    SELECT
        person,
        argMax((account, how, first, last), (how = 'group', last, account)) AS chosen
    FROM candidates
    GROUP BY person
)
COMMENT 'Which account a person belongs to, for those who belong to one (one row per person)'
