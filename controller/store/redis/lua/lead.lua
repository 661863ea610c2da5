-- Takes the leadership with a new term, unless another leader's lease runs.
-- KEYS: farm, lease. ARGV: leader id, term at least, lease in ms, addresses (JSON), id for a new farm, schema.
local farm, lease = KEYS[1], KEYS[2]
local leaderId, schema = ARGV[1], ARGV[6]

local f = redis.call('HMGET', farm, 'schema', 'term', 'leaderId', 'otherTerm', 'otherLeaderId', 'lastBatch')
if f[1] and f[1] ~= schema then return { 'incompatible', f[1] } end

local holder = redis.call('GET', lease)
if holder and holder ~= leaderId then return { 'held', redis.call('PTTL', lease) } end

local storedTerm, storedLeader = f[2] or '0', f[3] or ''
local otherTerm, otherLeader = f[4] or '0', f[5] or ''
-- The newest epoch of somebody else: our own ones, also those whose answer was lost, do not hide it.
if storedLeader ~= leaderId then otherTerm, otherLeader = storedTerm, storedLeader end
-- Terms are far below 2^53; Lua would write large ones with an exponent.
local term = string.format('%.0f', math.max(tonumber(storedTerm), tonumber(ARGV[2]), 0) + 1)

redis.call('HSETNX', farm, 'farmId', ARGV[5])
redis.call('HSET', farm, 'schema', schema, 'term', term, 'leaderId', leaderId, 'addresses', ARGV[4],
  'otherTerm', otherTerm, 'otherLeaderId', otherLeader)
redis.call('SET', lease, leaderId, 'PX', ARGV[3])
return { 'led', term, otherTerm, otherLeader, f[6] or '0' }
