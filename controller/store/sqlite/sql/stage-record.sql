INSERT INTO staged_records (kind, id, version, body) VALUES (:kind, :id, :version, :json);
