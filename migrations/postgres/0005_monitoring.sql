-- What the network is asked to watch, of whom, and how far that has come: one row for each aspect of a target.
-- Unlike facts, these rows are overwritten: one daemon asks.
CREATE TABLE monitoring (
    target_kind   smallint         NOT NULL, -- 1: MSISDN, digits without plus. 2: external identifier. 3: external group identifier.
    target        text COLLATE "C" NOT NULL,
    aspect        smallint         NOT NULL, -- 1: loss of connectivity. 2: reachability for data. 3: reachability for SMS.
    state         smallint         NOT NULL, -- 1: wanted. 2: asking. 3: active. 4: renewing. 5: suspended. 6: failed. 7: ending.
    reference     bigint           NOT NULL, -- SCEF-Reference-ID; 0 is none.
    replaced      bigint           NOT NULL, -- The one before it, while the HSS may still hold it; 0 is none.
    expires_at    bigint,                    -- When what the HSS holds ends by itself. Microseconds since 1970-01-01 UTC.
    result_vendor bigint,                    -- The last result that was no success: whose number space ...
    result_code   bigint,                    -- ... and the number.
    changed_at    bigint           NOT NULL,
    PRIMARY KEY (target_kind, target, aspect)
) WITH (
    fillfactor = 90,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.05
);

-- One row: under which identity references were given to the network, and where their numbers go on.
CREATE TABLE monitoring_reference (
    only_row       smallint PRIMARY KEY CHECK (only_row = 1),
    scef           text   NOT NULL,
    next_reference bigint NOT NULL
);
