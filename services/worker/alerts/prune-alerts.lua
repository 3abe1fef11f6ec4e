#!lua flags=allow-oom
-- Deletes fields of a hash whose values are still what the caller has read.
--
-- KEYS[1] the hash
-- ARGV    field, value, field, value ...
--
-- Returns how many were deleted.

local deleted = 0
for i = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then
    deleted = deleted + redis.call('HDEL', KEYS[1], ARGV[i])
  end
end
return deleted
