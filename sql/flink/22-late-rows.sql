-- Late are also those of a shard that was idle while the others went on. What is not here is counted: windows alone would drop by another measure. What a restart reads
-- again of the time before it is in a window, or among the late, already.
DROP TEMPORARY VIEW IF EXISTS late_rows;
CREATE TEMPORARY VIEW late_rows AS
SELECT *
FROM events_once
WHERE
  ((watermark_at IS NOT NULL AND happened_at <= watermark_at)
  OR (CURRENT_WATERMARK(happened_at) IS NOT NULL AND happened_at <= CURRENT_WATERMARK(happened_at)))${sinceArrival};
