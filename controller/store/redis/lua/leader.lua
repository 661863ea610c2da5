-- Who leads, and where it answers.
-- KEYS: farm, lease.
if redis.call('EXISTS', KEYS[2]) == 0 then return { 'nobody' } end
local f = redis.call('HMGET', KEYS[1], 'term', 'leaderId', 'addresses')
if not f[1] then return { 'nobody' } end
return { 'leader', f[1], f[2], f[3] or '[]' }
