UPDATE farm SET term = :term, leader_id = :leaderId;
