-- Rate limits by GCRA, for requests in the order in which they came.
--
-- KEYS[i]  state of whom request i counts for; the same key may come more than once
-- ARGV[1]  number of policy sets; then for each set the number of its policies and for each policy its interval in
--          microseconds and its quota
-- then     for each key the number of its policy set, from 1
--
-- Returns two integers for each key. Refused: minus the number of the policy that refuses, and the wait in microseconds
-- until all would allow; a request that one policy refuses counts for none. Allowed: the number of the policy of which
-- the least remains after this request, and how much that is.
--
-- State: theoretical arrival times, Unix microseconds, one for each policy, separated by spaces.

-- The state of limits is not worth a write to the disk: who restarts Redis gives everybody a new allowance.
redis.set_repl(redis.REPL_NONE)

-- An expiry is written to the append-only file, so that the state of whoever keeps sending must not expire in between.
local KEEP_AT_LEAST_MS = 60000

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

local sets = {}
local at = 2
for s = 1, tonumber(ARGV[1]) do
  local set = {}
  for p = 1, tonumber(ARGV[at]) do
    set[p] = { interval = tonumber(ARGV[at + 2 * p - 1]), quota = tonumber(ARGV[at + 2 * p]) }
  end
  sets[s] = set
  at = at + 1 + 2 * #set
end

local function count(key, set)
  local next = {}
  local state = string.gmatch(redis.call('GET', key) or '', '%S+')
  local refused_by, wait, latest = 0, 0, 0
  local scarcest, least = 1, math.huge
  for p, policy in ipairs(set) do
    local window = policy.interval * policy.quota
    next[p] = math.max(tonumber(state() or '0'), now) + policy.interval
    latest = math.max(latest, next[p])
    local excess = next[p] - now - window
    if excess > 0 then
      if refused_by == 0 then refused_by = p end
      wait = math.max(wait, excess)
    else
      local remaining = math.floor(-excess / policy.interval)
      if remaining < least then
        scarcest, least = p, remaining
      end
    end
  end
  if refused_by > 0 then
    return -refused_by, wait
  end
  for p = 1, #next do
    next[p] = string.format('%.0f', next[p])
  end
  local keep_ms = math.max(KEEP_AT_LEAST_MS, math.ceil((latest - now) / 1000))
  redis.call('SET', key, table.concat(next, ' '), 'PX', keep_ms)
  return scarcest, least
end

local out = {}
for i = 1, #KEYS do
  out[2 * i - 1], out[2 * i] = count(KEYS[i], sets[tonumber(ARGV[at + i - 1])])
end
return out
