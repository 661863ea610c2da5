SELECT farm_id, term, leader_id, other_term, other_leader_id, addresses, last_batch, last_batch_term,
  last_batch_leader_id FROM farm;
