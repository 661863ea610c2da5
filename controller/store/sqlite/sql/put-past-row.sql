INSERT INTO past_rows
  (past_table, id, ended_at_ms, revision, user_id, queue, state, agent_id, channel_name, summary, detail)
VALUES
  (:pastTable, :id, :endedAtMs, :revision, :userId, :queue, :state, :agentId, :channelName, :summary, :detail)
ON CONFLICT (past_table, id) DO UPDATE SET
  ended_at_ms = excluded.ended_at_ms, revision = excluded.revision, user_id = excluded.user_id,
  queue = excluded.queue, state = excluded.state, agent_id = excluded.agent_id,
  channel_name = excluded.channel_name, summary = excluded.summary, detail = excluded.detail
WHERE past_rows.revision < excluded.revision
