-- What each serving node last said of a subscriber in a slot; node '' holds what concerns the slot whoever holds it.
-- Times are microseconds since 1970-01-01 UTC, NULL is never; an "until" without end is the greatest 64-bit integer.
-- Every column is a maximum: rows are joined, never overwritten.
CREATE TABLE registration (
    subscriber_id     INTEGER NOT NULL,
    slot              INTEGER NOT NULL,
    node              TEXT    NOT NULL,
    registered_at     INTEGER,
    deregistered_at   INTEGER,
    reachable_at      INTEGER,
    reachable_until   INTEGER,
    unreachable_at    INTEGER,
    unreachable_until INTEGER,
    cleared_at        INTEGER,
    ended_other_at    INTEGER,
    ended_amf_at      INTEGER,
    received_at       INTEGER NOT NULL,
    PRIMARY KEY (subscriber_id, slot, node)
) STRICT, WITHOUT ROWID;
