#!lua flags=allow-oom
-- Appends a trigger, unless it is of a cause that is not newer than the last one of its rule and device: a replay of the log.
-- Also while Redis is full, as append-transition.lua.
--
-- KEYS[1] stream of triggers
-- KEYS[2] hash of causes
-- KEYS[3] hash of the highest fencing tokens
-- ARGV[1] field of the cause in the hash, <rule>|<device>
-- ARGV[2] milliseconds, ARGV[3] sequence of the log entry that caused it, ARGV[4] index of the reading in it
-- ARGV[5] the trigger, a JSON object
-- ARGV[6] lease under which the caller speaks, ARGV[7] its fencing token
--
-- Returns {"appended", <id>}; or does nothing and returns {"fenced"} when somebody with a newer token has the lease, and
-- {"known"} when the cause is not newer.

local highest = tonumber(redis.call('HGET', KEYS[3], ARGV[6]) or '0')
if tonumber(ARGV[7]) < highest then
  return { 'fenced' }
end
local last = redis.call('HGET', KEYS[2], ARGV[1])
if last then
  local ms, sequence, index = string.match(last, '^(%d+)%-(%d+)%-(%d+)$')
  for position, part in ipairs({ ms, sequence, index }) do
    local known, given = tonumber(part), tonumber(ARGV[position + 1])
    if given > known then
      break
    end
    if given < known or position == 3 then
      return { 'known' }
    end
  end
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. '-' .. ARGV[3] .. '-' .. ARGV[4])
if tonumber(ARGV[7]) > highest then
  redis.call('HSET', KEYS[3], ARGV[6], ARGV[7])
end
return { 'appended', redis.call('XADD', KEYS[1], '*', 'trigger', ARGV[5]) }
