#!lua flags=allow-oom
-- Appends a transition, keeps the state and the record of its alert, and publishes it: all or none.
-- Also while Redis is full: an alert has to go out, and what is not evaluated is not deleted.
--
-- KEYS[1] stream of transitions
-- KEYS[2] hash of alert states
-- KEYS[3] hash of the highest fencing tokens
-- KEYS[4] hash of alert records
-- ARGV[1] field of the alert in the hash, <rule>|<subject>
-- ARGV[2] its state as the caller read it, "" for none
-- ARGV[3] its state after this transition
-- ARGV[4] the transition, a JSON object
-- ARGV[5] channel of the transitions, contracts/alert-transition.ts
-- ARGV[6] lease under which the caller speaks, ARGV[7] its fencing token
-- ARGV[8] record of the alert after this transition
--
-- Returns {"appended", <cursor>}; or does nothing and returns {"fenced"} when somebody with a newer token has the lease, and
-- {"changed"} when the state is not what the caller read.

local highest = tonumber(redis.call('HGET', KEYS[3], ARGV[6]) or '0')
if tonumber(ARGV[7]) < highest then
  return { 'fenced' }
end
if (redis.call('HGET', KEYS[2], ARGV[1]) or '') ~= ARGV[2] then
  return { 'changed' }
end
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local previous = last and last[1] or '0-0'
local cursor = redis.call('XADD', KEYS[1], '*', 'transition', ARGV[4])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[4], ARGV[1], ARGV[8])
if tonumber(ARGV[7]) > highest then
  redis.call('HSET', KEYS[3], ARGV[6], ARGV[7])
end
local head = '{"type":"alert","cursor":"' .. cursor .. '","previous":"' .. previous .. '",'
redis.call('PUBLISH', ARGV[5], head .. string.sub(ARGV[4], 2))
return { 'appended', cursor }
