-- What HSSs are asked to notify of, of whom, and how far that has come: one row for each topic of a user.
-- Unlike facts, these rows are overwritten: one daemon asks.
CREATE TABLE sh_subscription (
    user_kind     INTEGER NOT NULL, -- 1: MSISDN, digits without plus. 2: external identifier.
    user_name     TEXT    NOT NULL,
    topic         INTEGER NOT NULL, -- 1: reachability for IP, one notification. 2: state in IMS.
    state         INTEGER NOT NULL, -- 1: wanted. 2: active. 3: failed. 4: ending.
    expires_at    INTEGER,          -- When what the HSS holds ends by itself. Microseconds since 1970-01-01 UTC.
    result_vendor INTEGER,          -- The last result that was no success: whose number space ...
    result_code   INTEGER,          -- ... and the number.
    changed_at    INTEGER NOT NULL,
    PRIMARY KEY (user_kind, user_name, topic)
) STRICT, WITHOUT ROWID;
