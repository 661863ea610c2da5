-- Adds a piece to the records that a rewrite collects beside those that stand.
-- KEYS: farm, staged. ARGV: term, leader id, id of the rewrite, 1 for its first piece, then field and value of each.
local farm, staged = KEYS[1], KEYS[2]
local rewriteId = ARGV[3]

local f = redis.call('HMGET', farm, 'term', 'leaderId', 'rewriteId')
if f[1] ~= ARGV[1] or f[2] ~= ARGV[2] then return { 'stale-epoch', f[1] or '0', f[2] or '' } end
if ARGV[4] == '1' then
  redis.call('UNLINK', staged)
  redis.call('HSET', farm, 'rewriteId', rewriteId)
elseif f[3] ~= rewriteId then
  -- A late copy of a rewrite that was given up must not mix with the one that was begun after it.
  return { 'other-rewrite' }
end

local step = 1000
for first = 5, #ARGV, step do
  redis.call('HSET', staged, unpack(ARGV, first, math.min(first + step - 1, #ARGV)))
end
return { 'staged' }
