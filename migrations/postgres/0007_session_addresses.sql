-- prefix of table ip_session now also tells the routing domain of an IPv4 address, where it is not the default one
-- (100.64.0.1/32@north), and ports of a public one (192.0.2.1:1024-2047). A session's name may end with @ and its gateway.

-- When a gateway last restarted: what it had before that is over. The newest time of each.
CREATE TABLE gateway_restart (
    gateway      text COLLATE "C" PRIMARY KEY,
    restarted_at bigint NOT NULL
);

-- What is known of a session is vouched for only so long, which is written with it: reachable_until. Of the sessions that
-- are here, a day.
UPDATE registration SET reachable_at = registered_at, reachable_until = registered_at + 86400000000
WHERE slot = 5 AND node <> '' AND registered_at IS NOT NULL AND reachable_at IS NULL;

-- Sessions that nobody vouches for any more, to be forgotten. Of other slots this index knows nothing, and their updates
-- stay in place.
CREATE INDEX registration_vouched ON registration (reachable_until) WHERE slot = 5;

-- Registrations as they are known now: a gateway that restarted has deregistered its sessions.
CREATE VIEW standing_registration AS
SELECT r.subscriber_id, r.slot, r.node, r.registered_at,
       GREATEST(r.deregistered_at, g.restarted_at) AS deregistered_at,
       r.reachable_at, r.reachable_until, r.unreachable_at, r.unreachable_until, r.cleared_at, r.ended_other_at,
       r.ended_amf_at, r.received_at
FROM registration r
LEFT JOIN gateway_restart g
    ON r.slot = 5 AND position('@' IN r.node) > 0 AND g.gateway = substr(r.node, position('@' IN r.node) + 1);

CREATE OR REPLACE VIEW device_reachability AS
WITH stored AS NOT MATERIALIZED (
    SELECT r.*
    FROM standing_registration r
    -- Ids below this come from an IMSI, the strongest identifier there is: they are nobody's alias.
    WHERE r.subscriber_id < 4611686018427387904
       OR NOT EXISTS (SELECT FROM subscriber_alias a WHERE a.alias_id = r.subscriber_id)
    UNION ALL
    SELECT a.subscriber_id, r.slot, r.node, r.registered_at, r.deregistered_at, r.reachable_at, r.reachable_until,
           r.unreachable_at, r.unreachable_until, r.cleared_at, r.ended_other_at, r.ended_amf_at, r.received_at
    FROM subscriber_alias a
    JOIN standing_registration r ON r.subscriber_id = a.alias_id AND r.subscriber_id >= 4611686018427387904
), fact AS NOT MATERIALIZED (
    -- The clearing of other slots becomes a fact of those. Slots 1 and 2 are the two halves of EPS, 3 is AMF-3GPP.
    SELECT s.subscriber_id, f.*
    FROM stored s
    CROSS JOIN LATERAL (VALUES
        (s.slot, s.node, s.registered_at, s.deregistered_at,
         CASE WHEN s.reachable_at IS NOT NULL THEN ARRAY[s.reachable_at, s.reachable_until] END,
         CASE WHEN s.unreachable_at IS NOT NULL THEN ARRAY[s.unreachable_at, s.unreachable_until] END,
         s.cleared_at),
        (CASE WHEN s.slot IN (1, 2) THEN (3 - s.slot)::smallint ELSE 0::smallint END,
         '', NULL, NULL, NULL, NULL, s.ended_other_at),
        (3::smallint, '', NULL, NULL, NULL, NULL, s.ended_amf_at)
    ) f (slot, node, registered, deregistered, reachable, unreachable, cleared)
    WHERE f.node <> '' OR f.cleared IS NOT NULL
    -- Subscribers that were imported and never seen.
    UNION ALL
    SELECT i.subscriber_id, 0::smallint, '', NULL, NULL, NULL, NULL, NULL
    FROM identifier i
    WHERE i.subscriber_id < 4611686018427387904
       OR NOT EXISTS (SELECT FROM subscriber_alias a WHERE a.alias_id = i.subscriber_id)
), held AS NOT MATERIALIZED (
    SELECT subscriber_id, slot, node,
           COALESCE(max(registered), 0) AS registered,
           COALESCE(max(deregistered), 0) AS deregistered,
           -- Arrays compare by their first element, then by the second, as a report does by time and end.
           max(reachable) AS reachable,
           max(unreachable) AS unreachable,
           -- What is reported of the slot without a node ('*') is true of whoever holds it. Sessions (5) have no holder.
           max(max(reachable) FILTER (WHERE node = '*' AND slot <> 5)) OVER (PARTITION BY subscriber_id, slot) AS found,
           max(max(unreachable) FILTER (WHERE node = '*' AND slot <> 5)) OVER (PARTITION BY subscriber_id, slot) AS lost,
           COALESCE(max(max(cleared)) OVER (PARTITION BY subscriber_id, slot), 0) AS cleared
    FROM fact
    GROUP BY subscriber_id, slot, node
), standing AS NOT MATERIALIZED (
    -- What is not newer than the slot's clearing is as if never said.
    SELECT subscriber_id, slot, node, cleared,
           CASE WHEN registered > cleared THEN registered ELSE 0 END AS registered,
           CASE WHEN deregistered > cleared THEN deregistered ELSE 0 END AS deregistered,
           CASE WHEN reachable[1] > cleared THEN reachable[1] ELSE 0 END AS own_reachable,
           CASE WHEN found[1] > cleared OR reachable[1] > cleared THEN (GREATEST(reachable, found))[1] ELSE 0 END
               AS reachable,
           (GREATEST(reachable, found))[2] AS reachable_until,
           CASE WHEN lost[1] > cleared OR unreachable[1] > cleared THEN (GREATEST(unreachable, lost))[1] ELSE 0 END
               AS unreachable,
           (GREATEST(unreachable, lost))[2] AS unreachable_until
    FROM held
), ranked AS NOT MATERIALIZED (
    -- First is the holder: the newest registration, or where there is none the newest report of reachability; then the name.
    SELECT *,
           node <> '' AND GREATEST(registered, own_reachable) > 0 AS speaks,
           bool_or(node <> '' AND GREATEST(registered, own_reachable) > 0) OVER (PARTITION BY subscriber_id, slot) AS served,
           row_number() OVER (
               PARTITION BY subscriber_id, slot
               ORDER BY node <> '' AND GREATEST(registered, own_reachable) > 0 DESC,
                        registered DESC,
                        CASE WHEN registered = 0 THEN own_reachable ELSE 0 END DESC,
                        node DESC
           ) AS place
    FROM standing
), judged AS NOT MATERIALIZED (
    -- Only the holder speaks for its slot, except for sessions (5): there every node speaks.
    SELECT subscriber_id, slot, node, registered, GREATEST(registered, reachable) AS spoke, cleared,
           CASE
               -- A loss of whoever serves data counts by itself where nobody is known to.
               WHEN NOT served AND node = '*' AND slot <= 4 AND cleared = 0
                    AND unreachable > 0 AND moment.now < unreachable_until THEN 'unreachable'
               WHEN NOT speaks OR (place > 1 AND slot <> 5) THEN 'silent'
               WHEN deregistered > 0
                    AND deregistered >= CASE WHEN registered > 0 THEN registered ELSE reachable END
                   THEN 'deregistered'
               WHEN unreachable > 0 AND unreachable >= GREATEST(registered, reachable) THEN
                   CASE WHEN moment.now < unreachable_until THEN 'unreachable' ELSE 'up' END
               WHEN reachable > 0 AND reachable >= registered AND moment.now >= reachable_until THEN 'unreachable'
               ELSE 'up'
           END AS state,
           CASE
               WHEN NOT served THEN unreachable
               WHEN deregistered > 0
                    AND deregistered >= CASE WHEN registered > 0 THEN registered ELSE reachable END
                   THEN deregistered
               WHEN unreachable > 0 AND unreachable >= GREATEST(registered, reachable) THEN
                   CASE WHEN moment.now < unreachable_until THEN unreachable ELSE unreachable_until END
               WHEN reachable > 0 AND reachable >= registered THEN
                   CASE WHEN moment.now >= reachable_until THEN GREATEST(reachable, reachable_until) ELSE reachable END
               ELSE registered
           END AS since
    FROM ranked
    CROSS JOIN (SELECT (extract(epoch FROM statement_timestamp()) * 1000000)::bigint AS now) moment
), slot_times AS NOT MATERIALIZED (
    SELECT subscriber_id, slot,
           max(node) FILTER (WHERE state <> 'silent') AS node,
           COALESCE(max(registered) FILTER (WHERE state <> 'silent'), 0) AS registered,
           COALESCE(max(spoke) FILTER (WHERE state <> 'silent'), 0) AS spoke,
           COALESCE(max(since) FILTER (WHERE state = 'up'), 0) AS up,
           COALESCE(max(since) FILTER (WHERE state = 'unreachable'), 0) AS unreachable,
           GREATEST(max(since) FILTER (WHERE state = 'deregistered'), max(cleared)) AS gone
    FROM judged
    GROUP BY subscriber_id, slot
), slot_state AS NOT MATERIALIZED (
    SELECT subscriber_id, slot, node, registered, spoke,
           up,
           CASE WHEN up > 0 THEN 0 WHEN unreachable > 0 THEN GREATEST(unreachable, gone) ELSE gone END AS down,
           up = 0 AND unreachable = 0 AND gone > 0 AS deregistered
    FROM slot_times
), carried AS NOT MATERIALIZED (
    -- SMS in MME (7), in SGSN (8), SMSF over 3GPP (9) and non-3GPP access (10) hang on slots 1 to 4.
    SELECT *,
           slot BETWEEN 7 AND 10 AND up > 0 AS hangs,
           max(down) FILTER (WHERE slot <= 4 AND deregistered) OVER carrier AS carrier_gone,
           max(registered) FILTER (WHERE slot <= 4) OVER carrier AS carrier_registered,
           max(node) FILTER (WHERE slot <= 4) OVER carrier AS carrier_node
    FROM slot_state
    WINDOW carrier AS (PARTITION BY subscriber_id, CASE WHEN slot BETWEEN 7 AND 10 THEN slot - 6 ELSE slot END)
), ended AS NOT MATERIALIZED (
    -- It ends when its carrier is deregistered; SMS in MME and in SGSN also when the carrier moves to another node.
    SELECT subscriber_id, slot, up, down,
           CASE
               WHEN hangs AND carrier_gone IS NOT NULL THEN GREATEST(carrier_gone, up)
               WHEN hangs AND slot IN (7, 8) AND carrier_node <> node AND carrier_registered > spoke
                   THEN GREATEST(carrier_registered, up)
           END AS ended
    FROM carried
), lost AS NOT MATERIALIZED (
    -- SMS by an untold path (12) counts until a loss is known that it may have meant: by one of the paths 6 to 9, or of
    -- an attached device, in the data slots 1 to 3 while none of them is up.
    SELECT *,
           GREATEST(
               COALESCE(max(COALESCE(ended, down)) FILTER (WHERE slot BETWEEN 6 AND 9) OVER everything, 0),
               CASE WHEN max(up) FILTER (WHERE slot BETWEEN 1 AND 3) OVER everything > 0 THEN 0
                    ELSE COALESCE(max(down) FILTER (WHERE slot BETWEEN 1 AND 3) OVER everything, 0) END
           ) AS lost
    FROM ended
    WINDOW everything AS (PARTITION BY subscriber_id)
), newest AS NOT MATERIALIZED (
    SELECT subscriber_id,
           COALESCE(max(up) FILTER (WHERE slot BETWEEN 1 AND 5 AND ended IS NULL), 0) AS data_up,
           COALESCE(max(up) FILTER (WHERE slot BETWEEN 6 AND 12 AND ended IS NULL AND (slot < 12 OR lost < up)), 0)
               AS sms_up,
           COALESCE(max(down) FILTER (WHERE slot BETWEEN 1 AND 5), 0) AS data_down,
           COALESCE(max(CASE WHEN slot = 12 AND up > 0 AND lost >= up THEN lost ELSE COALESCE(ended, down) END)
               FILTER (WHERE slot BETWEEN 6 AND 12), 0) AS sms_down
    FROM lost
    GROUP BY subscriber_id
), answer AS NOT MATERIALIZED (
    SELECT subscriber_id, data_up > 0 AS data, sms_up > 0 AS sms,
           CASE
               WHEN data_up > 0 THEN data_up
               WHEN sms_up > 0 THEN GREATEST(sms_up, data_down)
               ELSE NULLIF(GREATEST(data_down, sms_down), 0)
           END AS rests_on
    FROM newest
)
SELECT subscriber_id,
       CASE
           WHEN data THEN 'CONNECTED_DATA'
           WHEN sms THEN 'CONNECTED_SMS'
           WHEN rests_on IS NOT NULL THEN 'NOT_CONNECTED'
           ELSE 'UNKNOWN'
       END AS status,
       data,
       sms,
       timestamptz 'epoch' + rests_on * interval '1 microsecond' AS last_status_time
FROM answer;

COMMENT ON VIEW device_reachability IS
    'Per subscriber: the CAMARA status, whether data and SMS reach it, and the network time of the event it rests on';
