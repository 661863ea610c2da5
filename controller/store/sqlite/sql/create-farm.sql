INSERT INTO farm (one, farm_id, term, leader_id, last_batch, last_batch_term, last_batch_leader_id)
VALUES (1, :farmId, 0, '', 0, 0, '');
