#!lua flags=no-writes
-- The time of the node on which a shard lies: the clock that gives entries of its log their ids.
--
-- KEYS[1] any key of the shard
--
-- Returns {seconds, microseconds}.

return redis.call('TIME')
