-- Puts what a rewrite has collected in the place of all records.
-- KEYS: farm, records, staged. ARGV: term, leader id, id of the rewrite, count of records, farm id, batch number.
local farm, records, staged = KEYS[1], KEYS[2], KEYS[3]
local term, leaderId = ARGV[1], ARGV[2]

local f = redis.call('HMGET', farm, 'term', 'leaderId', 'rewriteId')
if f[1] ~= term or f[2] ~= leaderId then return { 'stale-epoch', f[1] or '0', f[2] or '' } end
if f[3] ~= ARGV[3] or redis.call('HLEN', staged) ~= tonumber(ARGV[4]) then return { 'other-rewrite' } end

redis.call('UNLINK', records)
if redis.call('EXISTS', staged) == 1 then redis.call('RENAME', staged, records) end
redis.call('HSET', farm, 'farmId', ARGV[5], 'lastBatch', ARGV[6], 'lastBatchTerm', term, 'lastBatchLeaderId', leaderId)
redis.call('HDEL', farm, 'rewriteId')
return { 'committed' }
