SELECT
  audited_at,
  counted_since,
  generated,
  acknowledged,
  in_stream,
  in_s3,
  in_athena,
  lost,
  duplicates,
  resent,
  kills_generated,
  kills_on_dashboard,
  windows_checked,
  windows_wrong,
  faults
FROM ${database}.last_audit
