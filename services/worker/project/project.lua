-- Writes a part of the registry's projection, if it is still at the version that the caller read.
--
-- KEYS[1]   version
-- KEYS[2..] hashes of the projection
-- ARGV[1]   version that the projection must be at, "" when there must be none
-- ARGV[2]   version that it is at afterwards, or "" when more parts follow
-- ARGV[3]   channel that announces a version
-- ARGV[4..] triples: number of the hash among KEYS[2..], field, value ("" removes the field)
--
-- Returns 1, or 0 and does nothing when the projection is at another version.

if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then
  return 0
end
for i = 4, #ARGV, 3 do
  local hash = KEYS[1 + tonumber(ARGV[i])]
  if ARGV[i + 2] == '' then
    redis.call('HDEL', hash, ARGV[i + 1])
  else
    redis.call('HSET', hash, ARGV[i + 1], ARGV[i + 2])
  end
end
if ARGV[2] ~= '' then
  redis.call('SET', KEYS[1], ARGV[2])
  redis.call('PUBLISH', ARGV[3], ARGV[2])
end
return 1
