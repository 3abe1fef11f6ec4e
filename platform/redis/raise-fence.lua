#!lua flags=allow-oom
-- Keeps everybody with an older token from speaking under a lease.
-- Also while Redis is full, as append-transition.lua.
--
-- KEYS[1]  hash of the highest fencing tokens
-- ARGV[1]  lease, ARGV[2] fencing token of the caller
--
-- Returns 1, or 0 when somebody with a newer token was here.

local highest = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
if tonumber(ARGV[2]) < highest then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
