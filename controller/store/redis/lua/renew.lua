-- Lets the lease run on, if the epoch is still the caller's.
-- KEYS: farm, lease. ARGV: term, leader id, lease in ms.
local f = redis.call('HMGET', KEYS[1], 'term', 'leaderId')
if f[1] ~= ARGV[1] or f[2] ~= ARGV[2] then return { 'stale-epoch', f[1] or '0', f[2] or '' } end
-- Not SET, which a Redis without memory refuses: a leader that cannot commit for a while is still the leader.
if redis.call('PEXPIRE', KEYS[2], ARGV[3]) == 0 then
  -- The epoch decides, not the lease: one that has run out while nobody took over is taken up again.
  redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
end
return { 'held' }
