-- Writes a batch, if the epoch is the caller's and the batch follows the last one.
-- KEYS: farm, records. ARGV: term, leader id, batch number, number before it, count of upserts, then field and value
-- of each upsert, then the field of each delete.
local farm, records = KEYS[1], KEYS[2]
local term, leaderId, number, previous = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local f = redis.call('HMGET', farm, 'term', 'leaderId', 'lastBatch', 'lastBatchTerm', 'lastBatchLeaderId')
if f[1] ~= term or f[2] ~= leaderId then return { 'stale-epoch', f[1] or '0', f[2] or '' } end
local lastBatch = f[3] or '0'
if lastBatch ~= previous then
  -- The very same batch again, after an answer that was lost: it is there already.
  if lastBatch == number and f[4] == term and f[5] == leaderId then return { 'committed' } end
  return { 'broken-chain', lastBatch }
end

-- Nothing is rolled back, so whatever can refuse a write (no memory, a replica, no disk, a key of another type) must
-- do so at the first one. `unpack` takes some thousand values at most.
local step = 1000
local upsertsEnd = 5 + 2 * tonumber(ARGV[5])
for first = 6, upsertsEnd, step do
  redis.call('HSET', records, unpack(ARGV, first, math.min(first + step - 1, upsertsEnd)))
end
for first = upsertsEnd + 1, #ARGV, step do
  redis.call('HDEL', records, unpack(ARGV, first, math.min(first + step - 1, #ARGV)))
end
redis.call('HSET', farm, 'lastBatch', number, 'lastBatchTerm', term, 'lastBatchLeaderId', leaderId)
return { 'committed' }
