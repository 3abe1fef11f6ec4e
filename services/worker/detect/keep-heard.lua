#!lua flags=allow-oom
-- Keeps who was heard in a shard. Also while Redis is full: a pass that fails here is not followed by its checkpoint, without
-- which nothing is deleted from the log, and Redis stays full.
--
-- KEYS[1]  hash of who was heard
-- KEYS[2]  its version, by which a reader sees that it has not changed
-- ARGV     fields and values in turn
--
-- Returns nothing.

for i = 1, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('INCR', KEYS[2])
