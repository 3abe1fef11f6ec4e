-- Puts a dead letter back at the end of its shard's log: both or neither, and once.
--
-- KEYS[1]  stream of dead letters, KEYS[2] stream of readings, both of one shard
-- ARGV[1]  id of the letter, ARGV[2] name of the field that has the pack
--
-- Returns 1, or 0 when there is no such letter.

local letter = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not letter then
  return 0
end
local fields, pack = letter[2], ''
for i = 1, #fields, 2 do
  if fields[i] == ARGV[2] then
    pack = fields[i + 1]
  end
end
redis.call('XADD', KEYS[2], '*', ARGV[2], pack)
redis.call('XDEL', KEYS[1], ARGV[1])
return 1
