-- Raises the trust version of one shard; a projector that was frozen meanwhile must not lower it.
--
-- KEYS[1] trust version of the shard
-- ARGV[1] version
-- ARGV[2] "1" to set it in any case: the registry was restored to an older version
--
-- Returns 1 when it was set.

if ARGV[2] ~= '1' and tonumber(redis.call('GET', KEYS[1]) or '0') >= tonumber(ARGV[1]) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
