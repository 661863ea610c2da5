INSERT INTO records (kind, id, version, body) SELECT kind, id, version, body FROM staged_records ORDER BY rowid;
