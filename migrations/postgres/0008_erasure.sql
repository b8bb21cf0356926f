-- What was erased, and when, without saying who it was: a keyed hash of the number under which facts were kept
-- (HMAC-SHA-256, 128 bits). Joined as a maximum. Forgotten after a while, and with it what keeps late events out.
CREATE TABLE erasure (
    pseudonym bytea  PRIMARY KEY,
    erased_at bigint NOT NULL, -- Microseconds since 1970-01-01 UTC.
    noted_at  bigint NOT NULL  -- When it was written last, by the clock of this server: where those who follow go on.
);

CREATE INDEX erasure_noted ON erasure (noted_at);
CREATE INDEX erasure_erased ON erasure (erased_at);

-- One row: which key the hashes are made with; and the key itself, unless a file has it.
CREATE TABLE pseudonym_key (
    only_row    smallint PRIMARY KEY CHECK (only_row = 1),
    fingerprint bytea NOT NULL,
    key         bytea
);
