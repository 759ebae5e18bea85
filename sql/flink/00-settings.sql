-- Event times are UTC, so the session is.
SET 'table.local-time-zone' = 'UTC';
-- How long an event id is remembered: twice as long as a producer sends copies without a look at the stream (FORGOTTEN_MS).
SET 'table.exec.state.ttl' = '1 h';
-- A silent shard must not hold back every window.
SET 'table.exec.source.idle-timeout' = '30 s';
-- What several INSERTs read is planned once, and so the ids of events are kept once.
SET 'table.optimizer.reuse-optimize-block-with-digest-enabled' = 'true';
