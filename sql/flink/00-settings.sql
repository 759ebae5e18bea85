-- Event times are UTC, so the session is.
SET 'table.local-time-zone' = 'UTC';
-- How long an event id is remembered: must exceed a producer's longest retry.
SET 'table.exec.state.ttl' = '1 h';
-- A silent shard must not hold back every window.
SET 'table.exec.source.idle-timeout' = '30 s';
SET 'execution.checkpointing.interval' = '10 s';
