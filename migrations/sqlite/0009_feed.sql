-- What is known of each feed's life: one row for each source of events. Unlike facts, these rows are overwritten.
CREATE TABLE feed (
    id               INTEGER PRIMARY KEY, -- What column feed of table registration names. Never given to another feed.
    name             TEXT    NOT NULL UNIQUE,
    alive_until      INTEGER,             -- The last sign of life. Microseconds since 1970-01-01 UTC; NULL is never.
    resynchronised_at INTEGER,            -- When it last vouched for all it had told.
    gaps             TEXT    NOT NULL     -- When it was away, or its word in doubt: begin..end, oldest first, divided by blanks.
                                          -- Without an end, it still is. After a slash, of whom alone: the beginnings of IMSIs.
) STRICT;

-- Who told the newest fact of a row, 0 for nobody known; and how much later than it happened it was received, in milliseconds.
ALTER TABLE registration ADD COLUMN feed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE registration ADD COLUMN delay INTEGER NOT NULL DEFAULT 0;

-- The view again, with its columns by their names: the table has more of them now.
DROP VIEW device_reachability;

CREATE VIEW device_reachability AS
WITH stored AS (
    SELECT r.subscriber_id, r.slot, r.node, r.registered_at, r.deregistered_at, r.reachable_at, r.reachable_until,
           r.unreachable_at, r.unreachable_until, r.cleared_at, r.ended_other_at, r.ended_amf_at, r.received_at
    FROM standing_registration r
    -- Ids below this come from an IMSI, the strongest identifier there is: they are nobody's alias.
    WHERE r.subscriber_id < 4611686018427387904
       OR NOT EXISTS (SELECT 1 FROM subscriber_alias a WHERE a.alias_id = r.subscriber_id)
    UNION ALL
    SELECT a.subscriber_id, r.slot, r.node, r.registered_at, r.deregistered_at, r.reachable_at, r.reachable_until,
           r.unreachable_at, r.unreachable_until, r.cleared_at, r.ended_other_at, r.ended_amf_at, r.received_at
    FROM subscriber_alias a
    JOIN standing_registration r ON r.subscriber_id = a.alias_id AND r.subscriber_id >= 4611686018427387904
), fact (subscriber_id, slot, node, registered, deregistered, reachable, unreachable, cleared) AS (
    SELECT subscriber_id, slot, node, registered_at, deregistered_at,
           -- Nineteen digits each compare by time, then by end, as a report does.
           printf('%019d%019d', reachable_at, reachable_until),
           printf('%019d%019d', unreachable_at, unreachable_until),
           cleared_at
    FROM stored
    -- The clearing of other slots becomes a fact of those. Slots 1 and 2 are the two halves of EPS, 3 is AMF-3GPP.
    UNION ALL
    SELECT subscriber_id, 3 - slot, '', NULL, NULL, NULL, NULL, ended_other_at
    FROM stored WHERE slot IN (1, 2) AND ended_other_at IS NOT NULL
    UNION ALL
    SELECT subscriber_id, 3, '', NULL, NULL, NULL, NULL, ended_amf_at
    FROM stored WHERE ended_amf_at IS NOT NULL
    -- Subscribers that were imported and never seen.
    UNION ALL
    SELECT i.subscriber_id, 0, '', NULL, NULL, NULL, NULL, NULL
    FROM identifier i
    WHERE i.subscriber_id < 4611686018427387904
       OR NOT EXISTS (SELECT 1 FROM subscriber_alias a WHERE a.alias_id = i.subscriber_id)
), held AS (
    SELECT subscriber_id, slot, node,
           COALESCE(max(registered), 0) AS registered,
           COALESCE(max(deregistered), 0) AS deregistered,
           COALESCE(max(reachable), '') AS reachable,
           COALESCE(max(unreachable), '') AS unreachable,
           -- What is reported of the slot without a node ('*') is true of whoever holds it. Sessions (5) have no holder.
           COALESCE(max(max(reachable) FILTER (WHERE node = '*' AND slot <> 5))
               OVER (PARTITION BY subscriber_id, slot), '') AS found,
           COALESCE(max(max(unreachable) FILTER (WHERE node = '*' AND slot <> 5))
               OVER (PARTITION BY subscriber_id, slot), '') AS lost,
           COALESCE(max(max(cleared)) OVER (PARTITION BY subscriber_id, slot), 0) AS cleared
    FROM fact
    GROUP BY subscriber_id, slot, node
), reported AS (
    SELECT subscriber_id, slot, node, registered, deregistered, cleared,
           CAST(substr(reachable, 1, 19) AS INTEGER) AS own_reachable,
           CAST(substr(max(reachable, found), 1, 19) AS INTEGER) AS reachable,
           CAST(substr(max(reachable, found), 20) AS INTEGER) AS reachable_until,
           CAST(substr(max(unreachable, lost), 1, 19) AS INTEGER) AS unreachable,
           CAST(substr(max(unreachable, lost), 20) AS INTEGER) AS unreachable_until
    FROM held
), standing AS (
    -- What is not newer than the slot's clearing is as if never said.
    SELECT subscriber_id, slot, node, cleared,
           CASE WHEN registered > cleared THEN registered ELSE 0 END AS registered,
           CASE WHEN deregistered > cleared THEN deregistered ELSE 0 END AS deregistered,
           CASE WHEN own_reachable > cleared THEN own_reachable ELSE 0 END AS own_reachable,
           CASE WHEN reachable > cleared THEN reachable ELSE 0 END AS reachable,
           reachable_until,
           CASE WHEN unreachable > cleared THEN unreachable ELSE 0 END AS unreachable,
           unreachable_until
    FROM reported
), ranked AS (
    -- First is the holder: the newest registration, or where there is none the newest report of reachability; then the name.
    SELECT *,
           node <> '' AND max(registered, own_reachable) > 0 AS speaks,
           max(node <> '' AND max(registered, own_reachable) > 0) OVER (PARTITION BY subscriber_id, slot) AS served,
           row_number() OVER (
               PARTITION BY subscriber_id, slot
               ORDER BY node <> '' AND max(registered, own_reachable) > 0 DESC,
                        registered DESC,
                        CASE WHEN registered = 0 THEN own_reachable ELSE 0 END DESC,
                        node DESC
           ) AS place
    FROM standing
), judged AS (
    -- Only the holder speaks for its slot, except for sessions (5): there every node speaks.
    SELECT subscriber_id, slot, node, registered, max(registered, reachable) AS spoke, cleared,
           CASE
               -- A loss of whoever serves data counts by itself where nobody is known to.
               WHEN NOT served AND node = '*' AND slot <= 4 AND cleared = 0
                    AND unreachable > 0 AND moment.now < unreachable_until THEN 'unreachable'
               WHEN NOT speaks OR (place > 1 AND slot <> 5) THEN 'silent'
               WHEN deregistered > 0
                    AND deregistered >= CASE WHEN registered > 0 THEN registered ELSE reachable END
                   THEN 'deregistered'
               WHEN unreachable > 0 AND unreachable >= max(registered, reachable) THEN
                   CASE WHEN moment.now < unreachable_until THEN 'unreachable' ELSE 'up' END
               WHEN reachable > 0 AND reachable >= registered AND moment.now >= reachable_until THEN 'unreachable'
               ELSE 'up'
           END AS state,
           CASE
               WHEN NOT served THEN unreachable
               WHEN deregistered > 0
                    AND deregistered >= CASE WHEN registered > 0 THEN registered ELSE reachable END
                   THEN deregistered
               WHEN unreachable > 0 AND unreachable >= max(registered, reachable) THEN
                   CASE WHEN moment.now < unreachable_until THEN unreachable ELSE unreachable_until END
               WHEN reachable > 0 AND reachable >= registered THEN
                   CASE WHEN moment.now >= reachable_until THEN max(reachable, reachable_until) ELSE reachable END
               ELSE registered
           END AS since
    FROM ranked
    CROSS JOIN (SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000 AS now) moment
), slot_times AS (
    SELECT subscriber_id, slot,
           max(node) FILTER (WHERE state <> 'silent') AS node,
           COALESCE(max(registered) FILTER (WHERE state <> 'silent'), 0) AS registered,
           COALESCE(max(spoke) FILTER (WHERE state <> 'silent'), 0) AS spoke,
           COALESCE(max(since) FILTER (WHERE state = 'up'), 0) AS up,
           COALESCE(max(since) FILTER (WHERE state = 'unreachable'), 0) AS unreachable,
           max(COALESCE(max(since) FILTER (WHERE state = 'deregistered'), 0), max(cleared)) AS gone
    FROM judged
    GROUP BY subscriber_id, slot
), slot_state AS (
    SELECT subscriber_id, slot, node, registered, spoke,
           up,
           CASE WHEN up > 0 THEN 0 WHEN unreachable > 0 THEN max(unreachable, gone) ELSE gone END AS down,
           up = 0 AND unreachable = 0 AND gone > 0 AS deregistered
    FROM slot_times
), carried AS (
    -- SMS in MME (7), in SGSN (8), SMSF over 3GPP (9) and non-3GPP access (10) hang on slots 1 to 4.
    SELECT *,
           slot BETWEEN 7 AND 10 AND up > 0 AS hangs,
           max(down) FILTER (WHERE slot <= 4 AND deregistered) OVER carrier AS carrier_gone,
           max(registered) FILTER (WHERE slot <= 4) OVER carrier AS carrier_registered,
           max(node) FILTER (WHERE slot <= 4) OVER carrier AS carrier_node
    FROM slot_state
    WINDOW carrier AS (PARTITION BY subscriber_id, CASE WHEN slot BETWEEN 7 AND 10 THEN slot - 6 ELSE slot END)
), ended AS (
    -- It ends when its carrier is deregistered; SMS in MME and in SGSN also when the carrier moves to another node.
    SELECT subscriber_id, slot, up, down,
           CASE
               WHEN hangs AND carrier_gone IS NOT NULL THEN max(carrier_gone, up)
               WHEN hangs AND slot IN (7, 8) AND carrier_node <> node AND carrier_registered > spoke
                   THEN max(carrier_registered, up)
           END AS ended
    FROM carried
), lost AS (
    -- SMS by an untold path (12) counts until a loss is known that it may have meant: by one of the paths 6 to 9, or of
    -- an attached device, in the data slots 1 to 3 while none of them is up.
    SELECT *,
           max(
               COALESCE(max(COALESCE(ended, down)) FILTER (WHERE slot BETWEEN 6 AND 9) OVER everything, 0),
               CASE WHEN max(up) FILTER (WHERE slot BETWEEN 1 AND 3) OVER everything > 0 THEN 0
                    ELSE COALESCE(max(down) FILTER (WHERE slot BETWEEN 1 AND 3) OVER everything, 0) END
           ) AS lost
    FROM ended
    WINDOW everything AS (PARTITION BY subscriber_id)
), newest AS (
    SELECT subscriber_id,
           COALESCE(max(up) FILTER (WHERE slot BETWEEN 1 AND 5 AND ended IS NULL), 0) AS data_up,
           COALESCE(max(up) FILTER (WHERE slot BETWEEN 6 AND 12 AND ended IS NULL AND (slot < 12 OR lost < up)), 0)
               AS sms_up,
           COALESCE(max(down) FILTER (WHERE slot BETWEEN 1 AND 5), 0) AS data_down,
           COALESCE(max(CASE WHEN slot = 12 AND up > 0 AND lost >= up THEN lost ELSE COALESCE(ended, down) END)
               FILTER (WHERE slot BETWEEN 6 AND 12), 0) AS sms_down
    FROM lost
    GROUP BY subscriber_id
), answer AS (
    SELECT subscriber_id, data_up > 0 AS data, sms_up > 0 AS sms,
           CASE
               WHEN data_up > 0 THEN data_up
               WHEN sms_up > 0 THEN max(sms_up, data_down)
               ELSE NULLIF(max(data_down, sms_down), 0)
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
       strftime('%Y-%m-%dT%H:%M:%S', rests_on / 1000000, 'unixepoch') || printf('.%06dZ', rests_on % 1000000) AS last_status_time
FROM answer;
