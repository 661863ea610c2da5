-- Rows behind a place, newest first: looks at `scanMax` rows, gives `size` of those that match.
-- KEYS: order, facts, summaries. ARGV: end and job id of the place, end of the oldest that is wanted, size, scanMax,
-- the filter as JSON.
-- Gives: 'more' or 'end', the place of the last row that was looked at, then id, end and summary of each match.
local order, facts, summaries = KEYS[1], KEYS[2], KEYS[3]
local afterMs, afterId, fromMs = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local size, scanMax, filter = tonumber(ARGV[4]), tonumber(ARGV[5]), cjson.decode(ARGV[6])
local step = 100

local function isBehind(rank)
  local entry = redis.call('ZREVRANGE', order, rank, rank, 'WITHSCORES')
  local endedAtMs = tonumber(entry[2])
  return endedAtMs < afterMs or (endedAtMs == afterMs and entry[1] < afterId)
end

local function firstBehind()
  local low, high = 0, redis.call('ZCARD', order)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if isBehind(middle) then high = middle else low = middle + 1 end
  end
  return low
end

local function has(list, wanted)
  for _, each in ipairs(list) do
    if each == wanted then return true end
  end
  return false
end

local function matches(fact)
  local row = cjson.decode(fact)
  return (filter.userId == nil or row.userId == filter.userId)
    and (filter.queue == nil or row.queue == filter.queue)
    and (filter.agentId == nil or row.agentId == filter.agentId)
    and (filter.states == nil or has(filter.states, row.state))
    and (filter.channelText == nil or string.find(row.channelName, filter.channelText, 1, true) ~= nil)
end

local found, lastMs, lastId, looked = {}, ARGV[1], afterId, 0
local rank = firstBehind()
while looked < scanMax do
  local entries = redis.call('ZREVRANGE', order, rank, rank + step - 1, 'WITHSCORES')
  if #entries == 0 then return { 'end', lastMs, lastId, unpack(found) } end
  for i = 1, #entries, 2 do
    local id, endedAtMs = entries[i], entries[i + 1]
    if tonumber(endedAtMs) < fromMs then return { 'end', lastMs, lastId, unpack(found) } end
    lastMs, lastId, looked = endedAtMs, id, looked + 1
    local fact = redis.call('HGET', facts, id)
    if fact and matches(fact) then
      found[#found + 1] = id
      found[#found + 1] = endedAtMs
      found[#found + 1] = redis.call('HGET', summaries, id) or ''
      if #found >= 3 * size then return { 'more', lastMs, lastId, unpack(found) } end
    end
  end
  rank = rank + step
end
return { 'more', lastMs, lastId, unpack(found) }
