-- What each serving node last said of a subscriber in a slot; node '' holds what concerns the slot whoever holds it.
-- Times are microseconds since 1970-01-01 UTC, NULL is never; an "until" without end is the greatest bigint.
-- Every column is a maximum: rows are joined, never overwritten.
CREATE TABLE registration (
    subscriber_id     bigint           NOT NULL,
    slot              smallint         NOT NULL,
    node              text COLLATE "C" NOT NULL,
    registered_at     bigint,
    deregistered_at   bigint,
    reachable_at      bigint,
    reachable_until   bigint,
    unreachable_at    bigint,
    unreachable_until bigint,
    cleared_at        bigint,
    ended_other_at    bigint,
    ended_amf_at      bigint,
    received_at       bigint           NOT NULL,
    PRIMARY KEY (subscriber_id, slot, node)
) WITH (
    -- Room on each page for the next version of its rows, and no second index: updates stay in place (HOT), and
    -- pages are pruned as they are written.
    fillfactor = 80,
    -- The table is large and hot. Vacuum early and without pauses instead of rarely and for long.
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 0
);
