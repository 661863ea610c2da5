-- The newest epoch of another leader than that of `term`, and where the leader answers (a JSON list).
ALTER TABLE farm ADD COLUMN other_term INTEGER NOT NULL DEFAULT 0;
ALTER TABLE farm ADD COLUMN other_leader_id TEXT NOT NULL DEFAULT '';
ALTER TABLE farm ADD COLUMN addresses TEXT NOT NULL DEFAULT '[]';

-- What will be in `records` when a rewrite has all of its pieces.
CREATE TABLE staged_records (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;
