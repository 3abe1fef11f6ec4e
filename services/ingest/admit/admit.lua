-- Admits verified envelopes of one shard or of several that lie on one node: decides replay and appends, all in one step.
--
-- ARGV[1]  size of the replay window in nonces, a multiple of 8
-- ARGV[2]  how many metrics a device may have
-- ARGV[3]  how many entries of a shard may wait to be stored
-- ARGV[4]  consumer group that stores them
-- ARGV[5]  milliseconds by which a device's clock may be ahead
-- For each shard, one after the other:
--   KEYS   readings stream, epoch, version of the registry at its last change of what devices may do (trust version), and
--          for each envelope the replay window of the key that signed it and, if it has new metrics, those of the device
--   ARGV   epoch as the caller knows it, id of the newest entry that it has seen or "" when there is no need to look, number
--          of envelopes, and for each envelope: version of the registry by which it
--          was judged, nonce (decimal, below 2^53), created (Unix milliseconds), pack, new metrics
--
-- The pack is empty for a request that uses its nonce here and leaves nothing in the log.
--
-- New metrics are empty, or when the pack has metrics that the caller does not know, JSON [known, new], each an object of
-- name to unit, "" for none. A metric gets its unit here, from the first pack that is admitted with it.
--
-- Returns for each shard one of
--   {"epoch", <epoch or "">}   nothing was done: the log is not the one that the caller knows
--   {"error", <message>}       a command failed; what came before it is admitted
--   {"decided", <trust version>, <id of the newest entry of these or "">, then for each envelope "accepted", "stale", "unit-conflict", "too-many-metrics",
--               "nonce-too-old", "replay-detected" or "backlog-full"}
-- A log without an entry that the caller has seen has gone back: what was acknowledged is missing in it, and its replay
-- windows are old ones. It gets a new epoch here, so that nothing that was signed before is taken any more.
--
-- A stale envelope was judged by an older registry than the trust version: its key may have been revoked since.
--
-- A replay window is a string: 16 digits, the highest nonce, then one bit for each nonce in (highest - size, highest],
-- at the position nonce mod size. It keeps the size that it was made with until a nonce jumps past the whole window, so
-- that callers with another size still find its bits. Numbers stay exact: all are below 2^53, and no bit operation is
-- used (those are 32-bit in Lua 5.1).

local HEAD = 16
local window = tonumber(ARGV[1])
local max_metrics = tonumber(ARGV[2])
local max_backlog = tonumber(ARGV[3])
local storing_group = ARGV[4]
local early_ms = tonumber(ARGV[5])

-- Clears the bits of positions first..last, which do not wrap.
local function clear(key, first, last)
  while first <= last and first % 8 ~= 0 do
    redis.call('SETBIT', key, HEAD * 8 + first, 0)
    first = first + 1
  end
  while last >= first and last % 8 ~= 7 do
    redis.call('SETBIT', key, HEAD * 8 + last, 0)
    last = last - 1
  end
  if first <= last then
    redis.call('SETRANGE', key, HEAD + first / 8, string.rep('\0', (last - first + 1) / 8))
  end
end

local function begin(key, nonce, size)
  redis.call('SET', key, string.format('%016.0f', nonce) .. string.rep('\0', size / 8))
  return size
end

local function mark(key, nonce, highest, size)
  if highest == nil or nonce - highest >= window then
    size = begin(key, nonce, window)
  elseif nonce - highest >= size then
    size = begin(key, nonce, size)
  elseif nonce > highest then
    -- The nonces in between; mostly there are none.
    if nonce - highest > 1 then
      local first = math.fmod(highest + 1, size)
      local last = math.fmod(nonce - 1, size)
      if first <= last then
        clear(key, first, last)
      else
        clear(key, first, size - 1)
        clear(key, 0, last)
      end
    end
    redis.call('SETRANGE', key, 0, string.format('%016.0f', nonce))
  end
  redis.call('SETBIT', key, HEAD * 8 + math.fmod(nonce, size), 1)
end

-- Whether the bit of a position is set; bit 0 of a byte is its highest, as in SETBIT.
local function is_marked(state, position)
  local bit = math.fmod(position, 8)
  local byte = string.byte(state, HEAD + (position - bit) / 8 + 1)
  return math.fmod(math.floor(byte / 2 ^ (7 - bit)), 2) == 1
end

-- Whether as many entries wait to be stored as may. The length of the stream says more than that: entries stay for a while
-- after they were stored. It is asked first, because it costs next to nothing.
local function is_full(stream)
  local length = redis.call('XLEN', stream)
  if length < max_backlog then
    return false
  end
  -- Stored or not, it is not evaluated: somebody has to look why.
  if length >= 4 * max_backlog then
    return true
  end
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local info = {}
    for i = 1, #group, 2 do
      info[group[i]] = group[i + 1]
    end
    -- The lag is not known after entries in the middle were deleted.
    if info['name'] == storing_group and info['lag'] then
      return info['pending'] + info['lag'] >= max_backlog
    end
  end
  return true
end

local function is_before(id, other)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  local other_ms, other_seq = string.match(other, '^(%d+)-(%d+)$')
  ms, other_ms = tonumber(ms), tonumber(other_ms)
  return ms < other_ms or ms == other_ms and tonumber(seq) < tonumber(other_seq)
end

-- Whether the log has lost an entry that it had. Entries are deleted from the front alone, once they are stored.
local function has_lost(stream, id)
  if #redis.call('XRANGE', stream, id, id) > 0 then
    return false
  end
  local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  if first then
    return is_before(first[1], id)
  end
  if redis.call('EXISTS', stream) == 0 then
    return true
  end
  local info = redis.call('XINFO', 'STREAM', stream)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      return is_before(info[i + 1], id)
    end
  end
  return true
end

-- Why a device cannot have these metrics; else what is to be added to them.
local function judge_metrics(key, json)
  local known, new = unpack(cjson.decode(json))
  local units = redis.call('HGETALL', key)
  for i = 1, #units, 2 do
    if known[units[i]] == nil then known[units[i]] = units[i + 1] end
  end
  local count, added = 0, {}
  for _ in pairs(known) do
    count = count + 1
  end
  for name, unit in pairs(new) do
    if known[name] == nil then
      count = count + 1
      added[#added + 1] = name
      added[#added + 1] = unit
    elseif known[name] ~= unit then
      return 'unit-conflict'
    end
  end
  return count > max_metrics and 'too-many-metrics' or nil, added
end

local function decide(log, key, metrics_key, version, nonce, created_ms, pack, metrics)
  if version < log.trust then
    return 'stale'
  end
  local added = {}
  if metrics ~= '' then
    local refusal
    refusal, added = judge_metrics(metrics_key, metrics)
    if refusal then
      return refusal
    end
  end
  if created_ms <= log.refuse_at_or_before then
    return 'nonce-too-old'
  end
  local state = redis.call('GET', key)
  local highest = nil
  local size = window
  if state then
    highest = tonumber(string.sub(state, 1, HEAD))
    size = (#state - HEAD) * 8
    if nonce <= highest - size then
      return 'nonce-too-old'
    end
    if nonce <= highest and is_marked(state, math.fmod(nonce, size)) then
      return 'replay-detected'
    end
  end
  if pack ~= '' and log.is_full then
    return 'backlog-full'
  end
  -- First append, then mark: an append that fails must not leave a mark behind, or the reading would be lost for good.
  if pack ~= '' then
    log.newest = redis.call('XADD', log.stream, '*', 'pack', pack)
  end
  if #added > 0 then
    redis.call('HSET', metrics_key, unpack(added))
  end
  mark(key, nonce, highest, size)
  return 'accepted'
end

-- The shard whose keys begin after `key` and whose values begin after `value`; `own[i]` is where the keys of an envelope are.
local function decide_shard(key, value, own)
  local epoch = redis.call('GET', KEYS[key + 2]) or ''
  if epoch ~= ARGV[value + 1] or epoch == '' then
    return { 'epoch', epoch }
  end
  if ARGV[value + 2] ~= '' and has_lost(KEYS[key + 1], ARGV[value + 2]) then
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    epoch = string.format('%.0f:%.0f', now, now + early_ms)
    redis.call('SET', KEYS[key + 2], epoch)
    return { 'epoch', epoch }
  end
  local log = {
    newest = '',
    stream = KEYS[key + 1],
    is_full = is_full(KEYS[key + 1]),
    trust = tonumber(redis.call('GET', KEYS[key + 3]) or '0'),
    refuse_at_or_before = tonumber(string.match(epoch, ':(%d+)$')),
  }
  local words = {}
  for i = 1, #own do
    local at = value + 5 * i - 1
    words[i] = decide(
      log,
      KEYS[own[i]],
      KEYS[own[i] + 1],
      tonumber(ARGV[at]),
      tonumber(ARGV[at + 1]),
      tonumber(ARGV[at + 2]),
      ARGV[at + 3],
      ARGV[at + 4]
    )
  end
  return { 'decided', string.format('%.0f', log.trust), log.newest, unpack(words) }
end

local replies = {}
local key, value = 0, 5
while key < #KEYS do
  local own, next_key = {}, key + 4
  for i = 1, tonumber(ARGV[value + 3]) do
    own[i] = next_key
    next_key = next_key + (ARGV[value + 5 * i + 3] == '' and 1 or 2)
  end
  -- One shard that is broken must not stop the others.
  local done, reply = pcall(decide_shard, key, value, own)
  if not done then
    reply = { 'error', type(reply) == 'table' and reply.err or tostring(reply) }
  end
  replies[#replies + 1] = reply
  key = next_key - 1
  value = value + 3 + 5 * #own
end
return replies
