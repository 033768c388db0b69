-- What person_features_of and person_states_at need of the definitions, worked out when a version is applied instead of at every
-- question: these are asked a few times a second, and working it out cost them more than a person does.
--
-- tupleElement(x, 'name') rather than criteria.name or x.name: an INSERT that leaves columns out computes these from whole columns,
-- and a DELETE takes x.name for a column.
-- MATERIALIZED: nobody writes these columns, SELECT * does not have them, and rows that were there before give them, too.
-- Single numbers are arrays of one: a scalar subquery makes its tuple Nullable, and numbers in it with it, but never arrays.
ALTER TABLE definitions /*ON CLUSTER*/
    ADD COLUMN IF NOT EXISTS for_features Tuple(
        weights Array(Array(Float64)),
        visit_weights Array(Float64),
        path_weights Array(Float64),
        signals Array(String),
        signal_weights Array(Array(Float64)),
        paths Array(Array(String)),
        session_timeout Array(UInt32),
        day_steps Array(Tuple(UInt16, Float64)),
        hour_steps Array(Float64),
        always Array(UInt8))
    MATERIALIZED tuple(
        arrayMap(
            age -> arrayConcat(
                [1, 1, age < 30, age < 30, age < 7, age BETWEEN 7 AND 13],
                arrayFlatten(arrayMap(name -> [age < 7, if(age < 7, exp2(-age / half_lives[name]), 0)], ['page_views', 'downloads', 'email_opens', 'email_clicks', 'chats', 'forms']))),
            range(31)),
        arrayMap(age -> exp2(-age / half_lives['visits']), range(7)),
        arrayMap(age -> exp2(-age / half_lives['key_paths']), range(7)),
        arrayMap(x -> tupleElement(x, 'name'), signals),
        arrayMap(name -> arrayMap(age -> exp2(-age / half_lives[name]), range(7)), arrayMap(x -> tupleElement(x, 'name'), signals)),
        arrayMap(x -> tupleElement(x, 'pages'), key_paths),
        [session_timeout],
        arrayFilter(
            step -> step.1 BETWEEN 26 AND 28 AND isFinite(step.2),
            arrayFlatten(arrayMap(
                c -> [(c.1, ceil(c.2)), (c.1, floor(c.3) + 1)],
                arrayConcat(arrayFlatten(arrayMap(x -> tupleElement(x, 'conditions'), criteria)), arrayFlatten(arrayMap(x -> tupleElement(x, 'conditions'), micro_segments)), arrayFlatten(arrayMap(x -> tupleElement(x, 'conditions'), lifecycle)), arrayFlatten(arrayMap(x -> tupleElement(x, 'conditions'), context_rules)))))),
        arrayMap(
            step -> step.2,
            arrayFilter(
                step -> step.1 = 36 AND isFinite(step.2),
                arrayFlatten(arrayMap(
                    c -> [(c.1, ceil(c.2)), (c.1, floor(c.3) + 1)],
                    arrayConcat(arrayFlatten(arrayMap(x -> tupleElement(x, 'conditions'), criteria)), arrayFlatten(arrayMap(x -> tupleElement(x, 'conditions'), micro_segments)), arrayFlatten(arrayMap(x -> tupleElement(x, 'conditions'), lifecycle)), arrayFlatten(arrayMap(x -> tupleElement(x, 'conditions'), context_rules))))))),
        if(arrayExists(target -> target.1 IN (26, 27, 28, 36), arrayFlatten(arrayMap(x -> tupleElement(x, 'targets'), criteria))), [1], []))
    COMMENT 'What the features need of it, worked out once per version: weights by age in days (from 0) of sums, visits, key paths and signals, and where a condition begins or ceases to hold of features that grow by themselves (days since, hours since)',
    ADD COLUMN IF NOT EXISTS for_states Tuple(
        version Array(UInt32),
        needed Array(UInt8),
        tier_actions Map(String, String),
        criteria Array(String),
        criteria_texts Array(String),
        weights Array(Tuple(weight Float64, targets Array(Tuple(feature UInt16, target Float64)))),
        segments Array(String),
        segment_tiers Array(UInt8),
        segment_actions Array(String),
        lifecycle Array(String),
        contexts Array(String),
        context_texts Array(String),
        penalties Array(Float64),
        conditions Array(Array(Tuple(feature UInt16, at_least Float64, at_most Float64))))
    MATERIALIZED tuple(
        [version],
        [tier2_needs],
        tier_actions,
        arrayMap(x -> tupleElement(x, 'name'), criteria),
        arrayMap(x -> tupleElement(x, 'text'), criteria),
        arrayMap(c -> (tupleElement(c, 'weight'), tupleElement(c, 'targets')), criteria),
        arrayMap(x -> tupleElement(x, 'name'), micro_segments),
        arrayMap(x -> tupleElement(x, 'tier'), micro_segments),
        arrayMap(x -> tupleElement(x, 'action'), micro_segments),
        arrayMap(x -> tupleElement(x, 'name'), lifecycle),
        arrayMap(x -> tupleElement(x, 'name'), context_rules),
        arrayMap(x -> tupleElement(x, 'text'), context_rules),
        arrayMap(r -> floor(8 * tupleElement(r, 'penalty')) / 8, context_rules),
        arrayConcat(arrayMap(x -> tupleElement(x, 'conditions'), criteria), arrayMap(x -> tupleElement(x, 'conditions'), lifecycle), arrayMap(x -> tupleElement(x, 'conditions'), context_rules), arrayMap(x -> tupleElement(x, 'conditions'), micro_segments)))
    COMMENT 'What person_states_at needs of it, worked out once per version: conditions of criteria, lifecycle segments, context rules and micro-segments, in this order; penalties in eighths'
