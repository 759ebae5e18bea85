/**
 * Of Flink 1.15, which Studio has: ExecutionConfigOptions, OptimizerConfigOptions and TableConfigOptions. Zeppelin 0.9 and 0.10 let a paragraph SET these and those of
 * Python, which is not here.
 */
const TABLE_OPTIONS = new Set(
  `
  table.exec.async-lookup.buffer-capacity table.exec.async-lookup.timeout table.exec.deduplicate.insert-update-after-sensitive-enabled
  table.exec.deduplicate.mini-batch.compact-changes-enabled table.exec.disabled-operators table.exec.legacy-cast-behaviour
  table.exec.legacy-transformation-uids table.exec.mini-batch.allow-latency table.exec.mini-batch.enabled table.exec.mini-batch.size
  table.exec.rank.topn-cache-size table.exec.resource.default-parallelism table.exec.resource.external-buffer-memory
  table.exec.resource.hash-agg.memory table.exec.resource.hash-join.memory table.exec.resource.sort.memory table.exec.shuffle-mode
  table.exec.simplify-operator-name-enabled table.exec.sink.keyed-shuffle table.exec.sink.not-null-enforcer
  table.exec.sink.type-length-enforcer table.exec.sink.upsert-materialize table.exec.sort.async-merge-enabled
  table.exec.sort.default-limit table.exec.sort.max-num-file-handles table.exec.source.cdc-events-duplicate
  table.exec.source.idle-timeout table.exec.spill-compression.block-size table.exec.spill-compression.enabled table.exec.state.ttl
  table.exec.uid.generation table.exec.window-agg.buffer-size-limit
  table.optimizer.agg-phase-strategy table.optimizer.distinct-agg.split.bucket-num table.optimizer.distinct-agg.split.enabled
  table.optimizer.join-reorder-enabled table.optimizer.join.broadcast-threshold table.optimizer.multiple-input-enabled
  table.optimizer.reuse-source-enabled table.optimizer.reuse-sub-plan-enabled table.optimizer.source.aggregate-pushdown-enabled
  table.optimizer.source.predicate-pushdown-enabled
  table.builtin-catalog-name table.builtin-database-name table.dml-sync table.dynamic-table-options.enabled
  table.generated-code.max-length table.generated-code.max-members table.local-time-zone table.plan.compile.catalog-objects
  table.plan.force-recompile table.plan.restore.catalog-objects table.sql-dialect
`
    .trim()
    .split(/\s+/),
);

/** True for a key that a paragraph may SET. One in quotes is none: Zeppelin's older builds do not take them off. */
export const isTableOption = (key: string): boolean => TABLE_OPTIONS.has(key);
