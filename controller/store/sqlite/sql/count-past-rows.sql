SELECT count(*) AS rows FROM past_rows WHERE past_table = :pastTable
