-- Appends a transition, keeps the state of its alert, and publishes it: all three or none.
--
-- KEYS[1] stream of transitions
-- KEYS[2] hash of alert states
-- ARGV[1] field of the alert in the hash, <rule>|<subject>
-- ARGV[2] its state as the caller read it, "" for none
-- ARGV[3] its state after this transition
-- ARGV[4] the transition, a JSON object
-- ARGV[5] channel of the alert frames
--
-- Returns {"appended", <cursor>}, or {"changed"} and does nothing when the state is not what the caller read.

if (redis.call('HGET', KEYS[2], ARGV[1]) or '') ~= ARGV[2] then
  return { 'changed' }
end
local cursor = redis.call('XADD', KEYS[1], '*', 'transition', ARGV[4])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('PUBLISH', ARGV[5], '{"type":"alert","cursor":"' .. cursor .. '",' .. string.sub(ARGV[4], 2))
return { 'appended', cursor }
