DELETE FROM records;
