SELECT kind, id, version, body AS json FROM records ORDER BY rowid;
