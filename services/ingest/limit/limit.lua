-- Rate limits by GCRA for the requests of one hash slot, in the order in which they came.
--
-- KEYS[i]    state of whom request i counts for; the same key may come more than once
-- ARGV[1]    number of policies of each key, P
-- ARGV[..]   for each key P pairs: interval in microseconds, quota
--
-- Returns for each key P + 2 integers: number of the policy that refuses, counted from 1, or 0 when all allow; wait in
-- microseconds until all would allow; and what remains of each policy after this request. A request that one policy
-- refuses counts for none.
--
-- State: theoretical arrival times, Unix microseconds, one for each policy, separated by spaces; gone when all have passed.

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local policies = tonumber(ARGV[1])
local out = {}

for i = 1, #KEYS do
  local arrivals = {}
  for text in string.gmatch(redis.call('GET', KEYS[i]) or '', '%S+') do
    arrivals[#arrivals + 1] = tonumber(text)
  end
  local refused_by, wait, latest = 0, 0, 0
  local next, remaining = {}, {}
  for p = 1, policies do
    local at = 2 * ((i - 1) * policies + p)
    local interval, quota = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
    local window = interval * quota
    next[p] = math.max(arrivals[p] or 0, now) + interval
    local excess = next[p] - now - window
    if excess > 0 then
      if refused_by == 0 then refused_by = p end
      wait = math.max(wait, excess)
      remaining[p] = 0
    else
      remaining[p] = math.floor((window - (next[p] - now)) / interval)
    end
    latest = math.max(latest, next[p])
  end
  if refused_by == 0 then
    local texts = {}
    for p = 1, policies do
      texts[p] = string.format('%.0f', next[p])
    end
    redis.call('SET', KEYS[i], table.concat(texts, ' '), 'PX', math.ceil((latest - now) / 1000))
  end
  out[#out + 1] = refused_by
  out[#out + 1] = wait
  for p = 1, policies do
    out[#out + 1] = remaining[p]
  end
end
return out
