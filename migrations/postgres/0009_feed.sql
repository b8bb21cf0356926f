-- What is known of each feed's life: one row for each source of events. Unlike facts, these rows are overwritten.
CREATE TABLE feed (
    id                smallint         PRIMARY KEY, -- What column feed of table registration names. Never given to another feed.
    name              text COLLATE "C" NOT NULL UNIQUE,
    alive_until       bigint,                       -- The last sign of life. Microseconds since 1970-01-01 UTC; NULL is never.
    resynchronised_at bigint,                       -- When it last vouched for all it had told.
    gaps              text             NOT NULL     -- When it was away, or its word in doubt: begin..end, oldest first, divided by
                                                    -- blanks. Without an end, it still is. After a slash, of whom alone: the
                                                    -- beginnings of IMSIs.
);

-- Who told the newest fact of a row, 0 for nobody known; and how much later than it happened it was received, in milliseconds.
ALTER TABLE registration
    ADD COLUMN feed  smallint NOT NULL DEFAULT 0,
    ADD COLUMN delay integer  NOT NULL DEFAULT 0;
