//! Forgetting sessions that ended long ago, some at a time.

/// Every step goes from few rows to few rows by an index, however large the tables are. The planner does not see how few
/// they are: it would read everything, or spend on compiling the statement twenty times what running it takes.
pub(super) const BY_INDEX: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; \
    SET LOCAL enable_mergejoin = off; SET LOCAL jit = off";

/// $1: what expired before, $2: how many sessions at most. Whoever lost the end of a session has it here: what expired has
/// ended then, and is forgotten like everything that has. A message that comes later gives it a newer registration.
pub(super) const EXPIRED: &str = "/* reachd: end expired sessions */ WITH expired AS (
    SELECT subscriber_id, node, reachable_until
    FROM registration
    WHERE slot = 5 AND reachable_until < $1 AND node <> ''
      AND reachable_at >= COALESCE(registered_at, 0) AND COALESCE(deregistered_at, 0) < reachable_at
    ORDER BY reachable_until
    LIMIT $2
    FOR UPDATE SKIP LOCKED
), noted AS (
    INSERT INTO ip_session AS i (subscriber_id, session, prefix, ended_at)
    SELECT subscriber_id, node, '', reachable_until FROM expired
    ON CONFLICT (subscriber_id, session, prefix) DO UPDATE SET ended_at = GREATEST(i.ended_at, excluded.ended_at)
)
UPDATE registration r SET deregistered_at = e.reachable_until
FROM expired e
WHERE r.subscriber_id = e.subscriber_id AND r.slot = 5 AND r.node = e.node";

/// $1: what ended before, $2: how many ends at most are looked at. Returns how many there were.
///
/// Everything is read from one snapshot; what is to go is locked without waiting for anybody, and looked at again as it is
/// then, so that a commit that comes in between neither waits for long nor is undone.
pub(super) const SESSIONS: &str = "/* reachd: prune sessions */ WITH picked AS (
    SELECT subscriber_id, session, prefix, started_at, ended_at
    FROM ip_session
    WHERE ended_at < $1
    ORDER BY ended_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
), over AS (
    SELECT * FROM picked WHERE ended_at >= COALESCE(started_at, 0)
), gone AS (
    -- The end of a session is the end of its addresses.
    SELECT i.subscriber_id, i.session, i.prefix, i.started_at
    FROM over o
    JOIN ip_session i ON i.subscriber_id = o.subscriber_id AND i.session = o.session
    WHERE i.prefix = o.prefix OR (o.prefix = '' AND COALESCE(i.started_at, 0) <= o.ended_at)
), superseded AS (
    -- Whoever had such an address before lost it then, and must not seem to have it again.
    SELECT i.subscriber_id, i.session, i.prefix
    FROM gone g
    JOIN ip_session i ON i.prefix = g.prefix AND i.prefix <> '' AND i.started_at < g.started_at
), locked AS (
    SELECT i.subscriber_id, i.session, i.prefix
    FROM ip_session i
    JOIN (
        SELECT subscriber_id, session, prefix, started_at FROM gone
        UNION
        SELECT s.subscriber_id, s.session, s.prefix, i.started_at
        FROM superseded s
        JOIN ip_session i USING (subscriber_id, session, prefix)
    ) doomed USING (subscriber_id, session, prefix)
    WHERE i.started_at IS NOT DISTINCT FROM doomed.started_at
    FOR UPDATE OF i SKIP LOCKED
), forgotten AS (
    DELETE FROM ip_session i USING locked l
    WHERE i.subscriber_id = l.subscriber_id AND i.session = l.session AND i.prefix = l.prefix
), resumed AS (
    -- The session of that name began anew: its old end is no longer of use.
    UPDATE ip_session i SET ended_at = NULL FROM picked p
    WHERE i.subscriber_id = p.subscriber_id AND i.session = p.session AND i.prefix = p.prefix
      AND i.ended_at < i.started_at
), ended AS (
    SELECT r.subscriber_id, r.node, began.seen,
           row_number() OVER (
               PARTITION BY r.subscriber_id, began.seen ORDER BY r.deregistered_at DESC, r.node DESC
           ) AS place
    FROM (SELECT DISTINCT subscriber_id FROM over) whose
    JOIN registration r ON r.subscriber_id = whose.subscriber_id AND r.slot = 5
    CROSS JOIN LATERAL (SELECT r.registered_at IS NOT NULL OR r.reachable_at IS NOT NULL AS seen) began
    WHERE r.node <> '' AND r.deregistered_at >= GREATEST(r.registered_at, r.reachable_at, 0)
), old AS (
    SELECT r.subscriber_id, r.node
    FROM ended e
    JOIN registration r ON r.subscriber_id = e.subscriber_id AND r.slot = 5 AND r.node = e.node
    -- The last of those that were seen to begin stays: the answer may rest on it.
    WHERE (NOT e.seen OR e.place > 1)
      AND r.deregistered_at < $1
      AND r.deregistered_at >= GREATEST(r.registered_at, r.reachable_at, 0)
    FOR UPDATE OF r SKIP LOCKED
), deregistered AS (
    DELETE FROM registration r USING old
    WHERE r.subscriber_id = old.subscriber_id AND r.slot = 5 AND r.node = old.node
)
SELECT count(*) FROM picked";
