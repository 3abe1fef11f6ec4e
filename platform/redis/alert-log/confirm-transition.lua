#!lua flags=allow-oom
-- Whether a transition that was appended is still on the stream: a Redis that came back with older data, and a replica that
-- was behind and took over, have lost it.
-- Writes, so that a WAIT after it waits for everything that was written before.
--
-- KEYS[1] stream of transitions
-- KEYS[2] hash of the highest fencing tokens
-- ARGV[1] cursor of the transition
--
-- Returns 1 or 0.

redis.call('HINCRBY', KEYS[2], 'confirmed', 1)
return #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
