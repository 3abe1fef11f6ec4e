#!lua flags=allow-oom
-- Keeps where detection stands in a shard. Also while Redis is full: without it nothing is deleted from the log, and Redis
-- stays full.
--
-- KEYS[1]  hash of the shard's checkpoint, KEYS[2] hash of the shard's lease
-- ARGV[1]  fencing token of the caller
-- ARGV[2]  field of the position, ARGV[3] position, then fields and values of changed states in turn
--
-- Returns 1, or 0 when another worker has the shard or has got further: then nothing is kept.

local function parse(id)
  local ms, sequence = string.match(id, '^(%d+)%-(%d+)$')
  return tonumber(ms or id), tonumber(sequence or '0')
end

if tonumber(redis.call('HGET', KEYS[2], 'token') or '0') > tonumber(ARGV[1]) then
  return 0
end
local ms, sequence = parse(ARGV[3])
local kept_ms, kept_sequence = parse(redis.call('HGET', KEYS[1], ARGV[2]) or '0')
if ms < kept_ms or (ms == kept_ms and sequence < kept_sequence) then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
for i = 4, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
return 1
