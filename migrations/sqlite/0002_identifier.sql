-- Which identifier belongs to which subscriber since when. The newest binding of an identifier wins; of equal times
-- the one to the greater subscriber. identifier_id is the id that the identifier alone would give a subscriber.
CREATE TABLE identifier (
    subscriber_id INTEGER NOT NULL,
    identifier_id INTEGER NOT NULL,
    kind          INTEGER NOT NULL, -- 2: MSISDN, digits without plus. 3: external identifier.
    value         TEXT    NOT NULL,
    bound_at      INTEGER NOT NULL,
    PRIMARY KEY (subscriber_id, identifier_id)
) STRICT, WITHOUT ROWID;

-- From an identifier to its bindings.
CREATE INDEX identifier_by_id ON identifier (identifier_id);
