-- What the definitions call each way in: the first rule of acquisition whose lists all fit. An empty list fits anything; patterns are
-- those of LIKE, over lower case; a referrer is matched without its query. What no rule fits is called other.
CREATE OR REPLACE VIEW origin_channels /*ON CLUSTER*/
(
    source      String COMMENT 'utm_source, lower case; empty when there is none',
    medium      String COMMENT 'utm_medium, lower case; empty when there is none',
    referrer    String COMMENT 'Address of the other site that led here, lower case, without query; empty when there is none',
    acquisition String COMMENT 'Acquisition channel: email, organic_search, ..., direct'
)
AS
WITH
    (SELECT acquisition FROM definition) AS rules,
    seen AS
    (
        SELECT DISTINCT origins.source AS s, origins.medium AS m, origins.referrer AS r
        FROM origins
        UNION DISTINCT
        SELECT '', '', ''
    ),
    called AS
    (
        SELECT
            s,
            m,
            r,
            arrayFirst(rule ->
                (empty(rule.utm_medium) OR arrayExists(pattern -> m LIKE pattern, rule.utm_medium))
                AND (empty(rule.utm_source) OR arrayExists(pattern -> s LIKE pattern, rule.utm_source))
                AND (empty(rule.referrer) OR arrayExists(pattern -> r LIKE pattern, rule.referrer)), rules).channel AS name
        FROM seen
    )
SELECT s AS source, m AS medium, r AS referrer, if(name = '', 'other', name) AS acquisition
FROM called
COMMENT 'What each way in is called (one row per source, medium and referrer that was ever seen)'
