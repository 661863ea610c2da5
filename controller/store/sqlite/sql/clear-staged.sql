DELETE FROM staged_records;
