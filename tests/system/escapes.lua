-- SPDX-License-Identifier: MIT
-- Every attempt of tests/lua/escapes.lua, each by a ksnap run of its own, ends as it should and when
-- it should: one that hangs is killed by timeout, which is a failure.
local top = assert(os.getenv "KSNAP_TOP_SRCDIR", "run this through make check")
local ksnap = assert(os.getenv "KSNAP")
local attempts = dofile(top .. "/tests/lua/escapes.lua")

local function shell_word(text)
	return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function write_script(path, text)
	local file = assert(io.open(path, "w"))
	file:write(text, "\n")
	file:close()
end

-- Exit code (128 + signal when one ended it) and all that was printed.
local function run(path, options)
	local pipe = assert(io.popen(("timeout -s KILL 60 %s run --target fixture:maps=1,entries=4 --memory 16 %s %s "
		.. "2>&1 </dev/null"):format(shell_word(ksnap), options, shell_word(path))))
	local said = pipe:read "a"
	local _, how, code = pipe:close()
	return how == "signal" and 128 + code or code, said
end

-- Those that are to meet the deadline, and those that are to end before.
local short, long = "--deadline 300 --grace 200", "--deadline 40000"

local folder = os.tmpname()
os.remove(folder)
assert(os.execute("mkdir -m 700 " .. shell_word(folder)))
local path = folder .. "/escape.lua"
local failed = 0
for i, attempt in ipairs(attempts) do
	write_script(path, attempt.text)
	local code, said = run(path, attempt.code == 124 and short or attempt.options or long)
	local good = code == attempt.code and (not attempt.says or said:find(attempt.says))
	print(("%s %d - %s"):format(good and "ok" or "not ok", i, attempt.name))
	if not good then
		failed = failed + 1
		said = ("exit code %s, wanted %d and %s; it said:\n%s"):format(code, attempt.code, attempt.says, said:sub(1, 4000))
		print("# " .. said:gsub("\n", "\n# "))
	end
end
os.remove(path)
os.execute("rmdir " .. shell_word(folder))
print("1.." .. #attempts)
os.exit(failed == 0)
