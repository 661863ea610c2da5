DELETE FROM past_rows WHERE rowid IN (
  SELECT rowid FROM past_rows WHERE past_table = :pastTable AND ended_at_ms < :endedBeforeMs
  ORDER BY ended_at_ms, id LIMIT :rows
)
