INSERT INTO records (kind, id, version, body) VALUES (:kind, :id, :version, :json)
ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version, body = excluded.body;
