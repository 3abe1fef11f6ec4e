-- Blocks a source, unless an envelope of it was admitted a short time ago or another process has changed its block.
--
-- KEYS[1] hash of blocks
-- KEYS[2] sorted set of when they can be forgotten
-- KEYS[3] stream of changes
-- KEYS[4] mark of an admission
-- ARGV[1] source
-- ARGV[2] its block as the caller read it, "" for none
-- ARGV[3] its new block
-- ARGV[4] when that can be forgotten, Unix milliseconds
-- ARGV[5] now, Unix milliseconds
-- ARGV[6] the change for the stream
-- ARGV[7] most blocks that are kept
-- ARGV[8] about how many changes are kept
--
-- Returns "blocked", "admitted" or "changed"; nothing is written but for the first.

local FORGET_AT_ONCE = 100

if redis.call('EXISTS', KEYS[4]) == 1 then
  return 'admitted'
end
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then
  return 'changed'
end

local function forget(sources)
  for _, source in ipairs(sources) do
    redis.call('HDEL', KEYS[1], source)
    redis.call('ZREM', KEYS[2], source)
  end
end
forget(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[5], 'LIMIT', 0, FORGET_AT_ONCE))
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[7]) then
  forget(redis.call('ZRANGE', KEYS[2], 0, 0))
end

redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[8], '*', 'block', ARGV[6])
return 'blocked'
