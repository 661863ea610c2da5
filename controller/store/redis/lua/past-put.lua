-- Writes each row, where none as new as it is there.
-- KEYS: order, facts, summaries, details. ARGV: of each row its job id, end, facts, summary, detail.
local order, facts, summaries, details = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

for i = 1, #ARGV, 5 do
  local id, endedAtMs, fact = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local known = redis.call('HGET', facts, id)
  -- Revisions are digits of one length.
  if not known or cjson.decode(known).revision < cjson.decode(fact).revision then
    -- The largest first: a Redis without room refuses it, and nothing of the row is there.
    redis.call('HSET', details, id, ARGV[i + 4])
    redis.call('HSET', summaries, id, ARGV[i + 3])
    redis.call('ZADD', order, endedAtMs, id)
    redis.call('HSET', facts, id, fact)
  end
end
return { 'put' }
