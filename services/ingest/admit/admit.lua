-- Admits verified envelopes of one shard: decides replay and appends, all in one step.
--
-- KEYS[1]    readings stream of the shard
-- KEYS[2]    epoch of the shard
-- KEYS[3]    version of the registry at its last change of what devices may do
-- KEYS[3+i]  replay window of the key that signed envelope i
-- ARGV[1]    epoch as the caller knows it
-- ARGV[2]    size of the replay window in nonces, a multiple of 8
-- ARGV[4i-1] version of the registry by which envelope i was judged
-- ARGV[4i]   its nonce, decimal, below 2^53
-- ARGV[4i+1] its created, Unix milliseconds
-- ARGV[4i+2] its pack, "" for a request that uses its nonce here and leaves nothing in the log
--
-- Returns {"epoch", <epoch or "">} and does nothing when the log is not the one that the caller knows; else the version of
-- KEYS[3], and one of "accepted", "replay-detected", "nonce-too-old", "stale" for each envelope. A stale one was judged by
-- an older registry than that: its key may have been revoked since.
--
-- A replay window is a string: 16 digits, the highest nonce, then one bit for each nonce in (highest - size, highest],
-- at the position nonce mod size. It keeps the size that it was made with until a nonce jumps past the whole window, so
-- that callers with another size still find its bits. Numbers stay exact: all are below 2^53, and no bit operation is
-- used (those are 32-bit in Lua 5.1).

local HEAD = 16
local window = tonumber(ARGV[2])
local epoch = redis.call('GET', KEYS[2]) or ''
if epoch ~= ARGV[1] or epoch == '' then
  return { 'epoch', epoch }
end
local trust = tonumber(redis.call('GET', KEYS[3]) or '0')
local refuse_at_or_before = tonumber(string.match(epoch, ':(%d+)$'))

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

local function decide(key, version, nonce, created_ms, pack)
  if version < trust then
    return 'stale'
  end
  if created_ms <= refuse_at_or_before then
    return 'nonce-too-old'
  end
  local head = redis.call('GETRANGE', key, 0, HEAD - 1)
  local highest = nil
  local size = window
  if head ~= '' then
    highest = tonumber(head)
    size = (redis.call('STRLEN', key) - HEAD) * 8
    if nonce <= highest - size then
      return 'nonce-too-old'
    end
    if nonce <= highest and redis.call('GETBIT', key, HEAD * 8 + math.fmod(nonce, size)) == 1 then
      return 'replay-detected'
    end
  end
  -- First append, then mark: an append that fails must not leave a mark behind, or the reading would be lost for good.
  if pack ~= '' then
    redis.call('XADD', KEYS[1], '*', 'pack', pack)
  end
  mark(key, nonce, highest, size)
  return 'accepted'
end

local outcomes = { string.format('%.0f', trust) }
for i = 1, #KEYS - 3 do
  outcomes[1 + i] = decide(
    KEYS[3 + i],
    tonumber(ARGV[4 * i - 1]),
    tonumber(ARGV[4 * i]),
    tonumber(ARGV[4 * i + 1]),
    ARGV[4 * i + 2]
  )
end
return outcomes
