-- Jobs that have ended: an entry of history, and a row of results, for each.
CREATE TABLE past_rows (
  past_table TEXT NOT NULL,
  id TEXT NOT NULL,
  ended_at_ms INTEGER NOT NULL,
  revision TEXT NOT NULL,
  user_id TEXT NOT NULL,
  queue TEXT NOT NULL,
  state TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  channel_name TEXT NOT NULL,
  summary TEXT NOT NULL,
  detail TEXT NOT NULL,
  UNIQUE (past_table, id)
) STRICT;

-- The one order, for lists and for what is too old. What filters name is in it, so that a rare one is found without a
-- look at every row.
CREATE INDEX past_rows_by_end
  ON past_rows (past_table, ended_at_ms, id, user_id, queue, state, agent_id, channel_name);
