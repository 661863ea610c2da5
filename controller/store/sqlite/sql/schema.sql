-- The farm itself: exactly one row, whose columns are compared and changed in the transaction of every batch.
CREATE TABLE farm (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  farm_id TEXT NOT NULL,
  term INTEGER NOT NULL,
  leader_id TEXT NOT NULL,
  last_batch INTEGER NOT NULL,
  last_batch_term INTEGER NOT NULL,
  last_batch_leader_id TEXT NOT NULL
) STRICT;

-- Records are JSON texts by kind and id; the store never looks into a body.
CREATE TABLE records (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  body TEXT NOT NULL,
  UNIQUE (kind, id)
) STRICT;
