-- Which identifier belongs to which subscriber since when. The newest binding of an identifier wins; of equal times
-- the one to the greater subscriber. identifier_id is the id that the identifier alone would give a subscriber.
CREATE TABLE identifier (
    subscriber_id bigint           NOT NULL,
    identifier_id bigint           NOT NULL,
    kind          smallint         NOT NULL, -- 2: MSISDN, digits without plus. 3: external identifier.
    value         text COLLATE "C" NOT NULL,
    bound_at      bigint           NOT NULL,
    PRIMARY KEY (subscriber_id, identifier_id)
) WITH (
    fillfactor = 90,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.05
);

-- From an identifier to its bindings. bound_at stays out of it, so that a renewed binding is an update in place.
CREATE INDEX identifier_by_id ON identifier (identifier_id);
