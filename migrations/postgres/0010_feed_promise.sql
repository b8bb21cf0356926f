-- A stream that has sent a heartbeat has promised to show that it lives: what was not told is only as certain as it is alive.
-- That holds until the feed is forgotten, whether the daemon runs or not.
ALTER TABLE feed ADD COLUMN promised boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN feed.resynchronised_at IS 'All that it held at this moment was told again since.';

-- Delays beyond 2^30 milliseconds (12 days) are kept in steps of a hundred from here on, so that what was told years ago can be told
-- again. What was kept of such counts as received at that bound, which is earlier than it was.
UPDATE registration SET delay = 1073741824 WHERE delay > 1073741824;
