-- Which address a session of a subscriber had, from when to when; prefix '' holds the end of the session itself, whatever
-- addresses it had. A session is a node of slot 5 of table registration. Times are microseconds since 1970-01-01 UTC.
-- Every column is a maximum: rows are joined, never overwritten. The session that started last has an address, in the
-- half-open interval from its start to its end. What has ended is pruned after a while.
CREATE TABLE ip_session (
    subscriber_id bigint           NOT NULL,
    session       text COLLATE "C" NOT NULL,
    prefix        text COLLATE "C" NOT NULL, -- 192.0.2.1/32, 2001:db8::/64; reads as cidr
    started_at    bigint,
    ended_at      bigint,
    PRIMARY KEY (subscriber_id, session, prefix)
) WITH (
    fillfactor = 80,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 0
);

-- From an address to its sessions. started_at stays out of it, so that a session that goes on is an update in place.
CREATE INDEX ip_session_by_prefix ON ip_session (prefix) WHERE prefix <> '';
-- What may be pruned.
CREATE INDEX ip_session_ended ON ip_session (ended_at) WHERE ended_at IS NOT NULL;
