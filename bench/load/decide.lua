-- wrk -s decide.lua URL -- PATH KEY REQUESTS FIRST CUSTOMERS
--
-- One request after another from the lines of the file REQUESTS, each with the number of a customer and of an
-- interaction filled in: customers in an order that visits all of them before any twice (STEP, as bench/load/requests.py
-- has it). The last line is JSON.

local STEP = 7919
local path, headers, lines, at, customers

function init(args)
  path, at, customers = args[1], tonumber(args[4]), tonumber(args[5])
  headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. args[2] }
  lines = {}
  for line in io.lines(args[3]) do lines[#lines + 1] = line end
end

function request()
  local body = string.format(lines[at % #lines + 1], at * STEP % customers, at)
  at = at + 1
  return wrk.format("POST", path, headers, body)
end

function done(summary)
  local errors = summary.errors
  io.write(string.format(
    '\n{"answers": %d, "seconds": %f, "bad_status": %d, "failed": %d}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
