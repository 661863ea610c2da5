SELECT farm_id, term, leader_id, last_batch, last_batch_term, last_batch_leader_id FROM farm;
