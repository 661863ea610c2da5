UPDATE farm SET farm_id = :farmId;
