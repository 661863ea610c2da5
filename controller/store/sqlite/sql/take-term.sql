UPDATE farm SET
  other_term = CASE WHEN leader_id = :leaderId THEN other_term ELSE term END,
  other_leader_id = CASE WHEN leader_id = :leaderId THEN other_leader_id ELSE leader_id END,
  term = :term, leader_id = :leaderId, addresses = :addresses;
