-- What was erased, and when, without saying who it was: a keyed hash of the number under which facts were kept
-- (HMAC-SHA-256, 128 bits). Joined as a maximum. Forgotten after a while, and with it what keeps late events out.
CREATE TABLE erasure (
    pseudonym BLOB    NOT NULL PRIMARY KEY,
    erased_at INTEGER NOT NULL, -- Microseconds since 1970-01-01 UTC.
    noted_at  INTEGER NOT NULL  -- When it was written last: where those who follow go on.
) STRICT, WITHOUT ROWID;

CREATE INDEX erasure_noted ON erasure (noted_at);
CREATE INDEX erasure_erased ON erasure (erased_at);

-- One row: which key the hashes are made with; and the key itself, unless a file has it.
CREATE TABLE pseudonym_key (
    only_row    INTEGER PRIMARY KEY CHECK (only_row = 1),
    fingerprint BLOB NOT NULL,
    key         BLOB
) STRICT;
