-- Counts requests that processes have let through, for rate limits by GCRA (core/limits/gcra.ts), so that all processes
-- together know of them.
--
-- KEYS[i]  state of whom the requests count for
-- ARGV[1]  number of policy sets; then for each set the number of its policies and for each policy its interval in
--          microseconds
-- then     for each key the number of its policy set, from 1, and how many requests
--
-- Returns for each key and policy: theoretical arrival time after these requests, in microseconds from now.
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
  local intervals = {}
  for p = 1, tonumber(ARGV[at]) do
    intervals[p] = tonumber(ARGV[at + p])
  end
  sets[s] = intervals
  at = at + 1 + #intervals
end

local out = {}
for i, key in ipairs(KEYS) do
  local intervals, count = sets[tonumber(ARGV[at])], tonumber(ARGV[at + 1])
  local state = string.gmatch(redis.call('GET', key) or '', '%S+')
  local arrivals, latest = {}, now
  for p, interval in ipairs(intervals) do
    local arrival = math.max(tonumber(state() or '0'), now) + count * interval
    latest = math.max(latest, arrival)
    arrivals[p] = string.format('%.0f', arrival)
    out[#out + 1] = arrival - now
  end
  local keep_ms = math.max(KEEP_AT_LEAST_MS, math.ceil((latest - now) / 1000))
  redis.call('SET', key, table.concat(arrivals, ' '), 'PX', keep_ms)
  at = at + 2
end
return out
