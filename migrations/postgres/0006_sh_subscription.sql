-- What HSSs are asked to notify of, of whom, and how far that has come: one row for each topic of a user.
-- Unlike facts, these rows are overwritten: one daemon asks.
CREATE TABLE sh_subscription (
    user_kind     smallint         NOT NULL, -- 1: MSISDN, digits without plus. 2: external identifier.
    user_name     text COLLATE "C" NOT NULL,
    topic         smallint         NOT NULL, -- 1: reachability for IP, one notification. 2: state in IMS.
    state         smallint         NOT NULL, -- 1: wanted. 2: active. 3: failed. 4: ending.
    expires_at    bigint,                    -- When what the HSS holds ends by itself. Microseconds since 1970-01-01 UTC.
    result_vendor bigint,                    -- The last result that was no success: whose number space ...
    result_code   bigint,                    -- ... and the number.
    changed_at    bigint           NOT NULL,
    PRIMARY KEY (user_kind, user_name, topic)
) WITH (
    fillfactor = 90,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.05
);
