DROP TEMPORARY VIEW IF EXISTS events_on_time;
CREATE TEMPORARY VIEW events_on_time AS
SELECT *
FROM events_once
WHERE
  (watermark_at IS NULL OR happened_at > watermark_at)
  AND (CURRENT_WATERMARK(happened_at) IS NULL OR happened_at > CURRENT_WATERMARK(happened_at))
  AND event_type <> 'heartbeat';
