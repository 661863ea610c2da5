DELETE FROM records WHERE kind = :kind AND id = :id;
