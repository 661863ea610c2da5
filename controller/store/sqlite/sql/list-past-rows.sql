SELECT ended_at_ms, id, summary FROM past_rows
WHERE past_table = :pastTable
  AND (ended_at_ms, id) < (:afterEndedAtMs, :afterId)
  AND ended_at_ms >= :endedFromMs AND ended_at_ms < :endedBeforeMs
  AND (:userId IS NULL OR user_id = :userId)
  AND (:queue IS NULL OR queue = :queue)
  AND (:agentId IS NULL OR agent_id = :agentId)
  AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
  -- SQLite's lower() knows the letters of ASCII only, and instr() no wildcards.
  AND (:channelText IS NULL OR instr(lower(channel_name), :channelText) > 0)
ORDER BY ended_at_ms DESC, id DESC
LIMIT :size
