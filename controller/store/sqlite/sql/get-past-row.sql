SELECT summary, detail FROM past_rows WHERE past_table = :pastTable AND id = :id
