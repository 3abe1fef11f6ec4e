#!lua flags=allow-oom
-- Puts an entry of the log, or the parts of it that cannot be stored, among the dead letters and acknowledges it: both or
-- neither, and once, however often the entry is delivered. Also while Redis is full: what waits here would wait for ever.
--
-- KEYS[1]  stream of dead letters, KEYS[2] stream of readings, both of one shard
-- ARGV[1]  consumer group, ARGV[2] id of the entry, then the fields of the letter
--
-- Returns 1, or 0 when somebody has acknowledged the entry already. A letter that cannot be written ends the script, and the
-- entry stays.

local pending = redis.call('XPENDING', KEYS[2], ARGV[1], ARGV[2], ARGV[2], 1)
if #pending == 0 then
  return 0
end
redis.call('XADD', KEYS[1], '*', unpack(ARGV, 3))
redis.call('XACK', KEYS[2], ARGV[1], ARGV[2])
return 1
