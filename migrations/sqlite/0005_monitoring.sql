-- What the network is asked to watch, of whom, and how far that has come: one row for each aspect of a target.
-- Unlike facts, these rows are overwritten: one daemon asks.
CREATE TABLE monitoring (
    target_kind   INTEGER NOT NULL, -- 1: MSISDN, digits without plus. 2: external identifier. 3: external group identifier.
    target        TEXT    NOT NULL,
    aspect        INTEGER NOT NULL, -- 1: loss of connectivity. 2: reachability for data. 3: reachability for SMS.
    state         INTEGER NOT NULL, -- 1: wanted. 2: asking. 3: active. 4: renewing. 5: suspended. 6: failed. 7: ending.
    reference     INTEGER NOT NULL, -- SCEF-Reference-ID; 0 is none.
    replaced      INTEGER NOT NULL, -- The one before it, while the HSS may still hold it; 0 is none.
    expires_at    INTEGER,          -- When what the HSS holds ends by itself. Microseconds since 1970-01-01 UTC.
    result_vendor INTEGER,          -- The last result that was no success: whose number space ...
    result_code   INTEGER,          -- ... and the number.
    changed_at    INTEGER NOT NULL,
    PRIMARY KEY (target_kind, target, aspect)
) STRICT, WITHOUT ROWID;

-- One row: under which identity references were given to the network, and where their numbers go on.
CREATE TABLE monitoring_reference (
    only_row       INTEGER PRIMARY KEY CHECK (only_row = 1),
    scef           TEXT    NOT NULL,
    next_reference INTEGER NOT NULL
) STRICT;
