-- Ordered by arrival: by event time Flink 1.15 would have to take rows back, which windows refuse.
DROP TEMPORARY VIEW IF EXISTS events_once;
CREATE TEMPORARY VIEW events_once AS
SELECT *
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY PROCTIME() ASC) AS copy
  FROM events_read
)
WHERE copy = 1;
