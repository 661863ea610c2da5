UPDATE farm SET last_batch = :number, last_batch_term = :term, last_batch_leader_id = :leaderId;
