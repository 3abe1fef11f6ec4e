-- Deletes from a log what nobody needs any more: what its group has acknowledged and, of the log of a shard, detect has seen.
--
-- KEYS[1]  stream, KEYS[2] hash of detect's checkpoint; left out where detect does not read
-- ARGV[1]  consumer group that stores, ARGV[2] field of the checkpoint that has its position
-- ARGV[3]  milliseconds for which entries are kept whatever became of them: a worker that has just taken over may still read
--          from an older checkpoint
--
-- Returns how many entries were deleted; 0 while there is no group or detect has no checkpoint.

local function parse(id)
  local ms, sequence = string.match(id, '^(%d+)%-(%d+)$')
  if not ms then
    ms, sequence = string.match(id, '^(%d+)$'), '0'
  end
  return tonumber(ms), tonumber(sequence)
end

local function is_before(one, other)
  local ms, sequence = parse(one)
  local other_ms, other_sequence = parse(other)
  return ms < other_ms or (ms == other_ms and sequence < other_sequence)
end

-- The smallest id that is larger. Milliseconds and sequence numbers are below 2^53.
local function after(id)
  local ms, sequence = parse(id)
  return string.format('%.0f-%.0f', ms, sequence + 1)
end

-- The first entry that is not stored.
local function needed_by_group()
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local info = {}
    for i = 1, #group, 2 do
      info[group[i]] = group[i + 1]
    end
    if info['name'] == ARGV[1] then
      if info['pending'] > 0 then
        return redis.call('XPENDING', KEYS[1], ARGV[1])[2]
      end
      return after(info['last-delivered-id'])
    end
  end
  return nil
end

if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local keep_from = needed_by_group()
if not keep_from then
  return 0
end
if KEYS[2] then
  local position = redis.call('HGET', KEYS[2], ARGV[2])
  if not position then
    return 0
  end
  if is_before(after(position), keep_from) then
    keep_from = after(position)
  end
end
local now = redis.call('TIME')
local recent = string.format('%.0f-0', math.max(0, now[1] * 1000 + math.floor(now[2] / 1000) - tonumber(ARGV[3])))
if is_before(recent, keep_from) then
  keep_from = recent
end
return redis.call('XTRIM', KEYS[1], 'MINID', keep_from)
