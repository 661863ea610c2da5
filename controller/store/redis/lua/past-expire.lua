-- Removes one slice of what is too old or too much, the oldest first.
-- KEYS: order, facts, summaries, details. ARGV: what ended before is too old, rows that may stay, size of the slice
-- (at most 1000: `unpack` takes some thousand values). Gives how many went.
local order, facts, summaries, details = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local rowsMax, sliceMax = tonumber(ARGV[2]), tonumber(ARGV[3])

local old = redis.call('ZCOUNT', order, '-inf', '(' .. ARGV[1])
local excess = redis.call('ZCARD', order) - rowsMax
local count = math.min(math.max(old, excess), sliceMax)
if count <= 0 then return { 0 } end
local ids = redis.call('ZRANGE', order, 0, count - 1)
redis.call('ZREM', order, unpack(ids))
redis.call('HDEL', facts, unpack(ids))
redis.call('HDEL', summaries, unpack(ids))
redis.call('HDEL', details, unpack(ids))
return { #ids }
