-- Writes a part of the registry's projection, if it is still at the version that the caller read and nobody else has begun
-- to write since the caller did.
--
-- KEYS[1]   version
-- KEYS[2]   writer
-- KEYS[3..] hashes of the projection
-- ARGV[1]   version that the projection must be at, "" when there must be none
-- ARGV[2]   version that it is at afterwards, or "" when more parts follow
-- ARGV[3]   channel that announces a version
-- ARGV[4]   name of the caller's attempt
-- ARGV[5]   "first" for its first part, "next" for the others
-- ARGV[6..] triples: number of the hash among KEYS[3..], field, value ("" removes the field)
--
-- Returns 1, or 0 and does nothing when the projection is at another version or has another writer.

if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then
  return 0
end
if ARGV[5] == 'first' then
  redis.call('SET', KEYS[2], ARGV[4])
elseif redis.call('GET', KEYS[2]) ~= ARGV[4] then
  return 0
end
for i = 6, #ARGV, 3 do
  local hash = KEYS[2 + tonumber(ARGV[i])]
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
