#!lua flags=allow-oom
-- Says that a worker is there, and answers how many are.
-- Also while Redis is full, as lease.lua.
--
-- KEYS[1]  sorted set of workers by when they were last heard of, Unix milliseconds by the clock of this server
-- ARGV[1]  worker
-- ARGV[2]  milliseconds for which a worker counts; 0 for one that leaves

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[2] == '0' then
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - tonumber(ARGV[2])))
  redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
end
return redis.call('ZCARD', KEYS[1])
