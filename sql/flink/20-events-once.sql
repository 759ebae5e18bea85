-- The bound on event_time, if there is one, makes the first window after a restart whole: it leaves out what came before it.
-- Ordered by arrival: by event_time Flink 1.15 would have to take rows back, which windows refuse.
DROP TEMPORARY VIEW IF EXISTS events_once;
CREATE TEMPORARY VIEW events_once AS
SELECT event_id, event_type, event_time, killer_id, killer_team, victim_id, victim_team
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY PROCTIME() ASC) AS copy
  FROM game_events
)
WHERE copy = 1${since};
