-- Ordered by arrival: by event time Flink 1.15 would have to take rows back, which windows refuse. Every event has arrived; asked here, each INSERT reads the same
-- columns, so Flink plans one de-duplication for all: of two, each might keep another copy, and an event be counted in a window and among the late.
DROP TEMPORARY VIEW IF EXISTS events_once;
CREATE TEMPORARY VIEW events_once AS
SELECT *
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY PROCTIME() ASC) AS copy
  FROM events_read
)
WHERE copy = 1 AND arrived_at IS NOT NULL;
