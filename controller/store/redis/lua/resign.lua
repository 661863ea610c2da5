-- Ends the lease at once, if the epoch is still the caller's.
-- KEYS: farm, lease. ARGV: term, leader id.
local f = redis.call('HMGET', KEYS[1], 'term', 'leaderId')
if f[1] == ARGV[1] and f[2] == ARGV[2] then redis.call('DEL', KEYS[2]) end
return { 'resigned' }
