-- SPDX-License-Identifier: MIT
-- Attempts to leave the sandbox, or to outstay its limits: each is a script of its own, which ends
-- with this exit code and says this (a Lua pattern; nil: says nothing in particular). Run by
-- tests/system/escapes.lua with 16 MiB of memory, and those that outlast it with a deadline of 300 ms.
local deadline = "longer than 300 ms, its deadline"
local killed = "did not end within its deadline"
local memory = "not enough memory: the limit is 16 MiB; %-%-memory"

-- A script in one line that must end well: what it tries to reach is not there, or refuses.
local function refused(name, text) return { name = name, code = 0, text = text } end
local function outlasts(name, text) return { name = name, code = 124, says = deadline, text = text } end
local function is_killed(name, text) return { name = name, code = 124, says = killed, text = text } end
local function needs_memory(name, text) return { name = name, code = 2, says = memory, text = text } end
local function raises(name, says, text) return { name = name, code = 2, says = says, text = text } end

return {
	-- ---- libraries that are not there ------------------------------------------------------------
	raises("io", "io is not there in the sandbox", "io.open '/etc/passwd'"),
	raises("os.execute", "nil value %(field 'execute'%)", "os.execute 'id'"),
	refused("os beyond time", [[
		local known = { time = true, date = true, clock = true }
		for name in pairs(os) do assert(known[name], name) end]]),
	refused("debug beyond traceback", "for name in pairs(debug) do assert(name == 'traceback', name) end"),
	raises("package", "package is not there", "package.loadlib('/lib/x86_64-linux-gnu/libc.so.6', 'system')"),
	raises("loadfile", "loadfile is not there", "loadfile '/etc/passwd'"),
	raises("dofile", "dofile is not there", "dofile '/etc/passwd'"),
	refused("string.dump", "assert(not string.dump and not ('').dump)"),
	refused("the real string table", [[
		string.rep = nil
		assert(("x"):rep(3) == "xxx")]]),

	-- ---- require -----------------------------------------------------------------------------------
	raises("require a part of ksnap", "there is no module \"ksnap.host\"", "require 'ksnap.host'"),
	raises("require the limits", "there is no module \"ksnap.limits\"", "require('ksnap.limits').closing()"),
	raises("require io", "there is no module \"io\"", "require 'io'"),
	raises("require upwards", "a module's name is made of", "require '..escapes'"),
	raises("require by path", "a module's name is made of", "require '/etc/passwd'"),
	raises("require a path with a zero", "a module's name is made of", "require 'a\\0b'"),
	raises("require a number", "a module's name is made of", "require(5)"),

	-- ---- globals -----------------------------------------------------------------------------------
	raises("read an undeclared global", "there is no global \"prnt\"; did you mean print%?", "prnt 'x'"),
	raises("write an undeclared global", "\"x\" would be a new global; write: local x", "x = 1"),
	raises("change the globals' metatable", "cannot change a protected metatable", "setmetatable(_G, {})"),
	refused("read the globals' metatable", "assert(getmetatable(_G) == false)"),
	raises("a function that is a global", "would be a new global", "function f() end"),
	refused("what ksnap uses is its own", [[
		for name in pairs(string) do string[name] = nil end
		for name in pairs(table) do table[name] = nil end
		for _, name in ipairs { "pairs", "type", "error", "select", "tostring", "setmetatable" } do
			rawset(_G, name, nil)
		end
		local b <close> = require "ksnap".connect()
		b:capture_snapshot "t0"
		b:get "t0":map "map0":at(0)]]),

	-- ---- metatables --------------------------------------------------------------------------------
	raises("__gc", "__gc is not there", "setmetatable({}, { __gc = function() while true do end end })"),
	refused("__gc added later is never called", [[
		local mt = {}
		local called = false
		for _ = 1, 100 do setmetatable({}, mt) end
		mt.__gc = function() called = true end
		collectgarbage()
		assert(not called)]]),
	refused("strings' metatable", "assert(getmetatable('') == false)"),
	refused("strings' methods", "assert(not pcall(setmetatable, '', {}))"),
	refused("a userdata's metatable", [[
		local b <close> = require "ksnap".connect()
		b:capture_snapshot "t0"
		local map = b:get "t0":map "map0"
		assert(getmetatable(map) == false and getmetatable(require "ksnap".null) == false)]]),
	refused("an error's metatable", [[
		local ksnap = require "ksnap"
		local _, err = ksnap.connect "ipc:///nowhere/at-all"
		assert(ksnap.is_error(err) and getmetatable(err) == false)
		assert(not pcall(setmetatable, err, {}))]]),
	refused("an assertion's metatable", [[
		local _, err = pcall(require "ksnap".assert, false)
		assert(getmetatable(err) == false)]]),
	refused("a finalizer called by hand", [[
		local b <close> = require "ksnap".connect()
		b:capture_snapshot "t0"
		local s = b:get "t0"
		local map = s:map "map0"
		s:close() s:close()
		assert(not pcall(function() return map:at(0) end))]]),
	raises("an endless __index", "loop", "local t = {} setmetatable(t, { __index = t }) return t.x"),
	raises("a deep __index", "stack overflow", [[
		local t = setmetatable({}, { __index = function(t, k) return t[k .. "x"] end })
		return t.x]]),
	raises("tostring that fails", "fails to say what it is", [[
		error(setmetatable({}, { __tostring = function() error "again" end }))]]),
	raises("tostring that gives no string", "fails to say what it is", [[
		error(setmetatable({}, { __tostring = function() return {} end }))]]),
	raises("an error that is a coroutine", "thread: ", "error(coroutine.create(print))"),
	{ name = "tostring that hangs", code = 124, says = "took longer than 200 ms, its time after the end", text = [[
		error(setmetatable({}, { __tostring = function() while true do end end }))]] },
	outlasts("__close that hangs", [[
		local x <close> = setmetatable({}, { __close = function() while true do end end })]]),
	outlasts("__close that hangs behind the deadline", [[
		local x <close> = setmetatable({}, { __close = function() while true do end end })
		while true do end]]),
	outlasts("__close that makes another one", [[
		local function again()
			local x <close> = setmetatable({}, { __close = function() again() end })
			while true do end
		end
		again()]]),
	outlasts("__close of a generic for that hangs", [[
		for _ in next, {}, nil, setmetatable({}, { __close = function() while true do end end }) do end]]),
	outlasts("coroutine.close of a coroutine whose __close hangs", [[
		while true do
			local co = coroutine.create(function()
				local x <close> = setmetatable({}, { __close = function() while true do end end })
				coroutine.yield()
			end)
			coroutine.resume(co)
			pcall(coroutine.close, co)
		end]]),
	outlasts("__close of a task that is cancelled hangs", [[
		local ksnap = require "ksnap"
		local task = ksnap.spawn(function()
			local x <close> = setmetatable({}, { __close = function() while true do end end })
			ksnap.sleep(3600)
		end)
		ksnap.sleep(0)
		task:cancel()]]),
	outlasts("string.format of a __tostring that hangs", [[
		("%s"):format(setmetatable({}, { __tostring = function() while true do end end }))]]),
	outlasts("the engine's own lists", [[
		local ksnap = require "ksnap"
		local task = ksnap.spawn(function() end)
		local function hang() while true do end end
		task.pool.ready = setmetatable({}, { __index = hang, __len = hang })
		task:wait()]]),
	raises("a handler that calls itself", "error in error handling", [[
		local function handler(err) return select(2, xpcall(error, handler, err)) end
		error(handler "x", 0)]]),
	outlasts("a __len that hangs in ksnap's code", [[
		require "ksnap".step { setup = setmetatable({}, { __len = function() while true do end end }) }]]),

	-- ---- bytecode and load -------------------------------------------------------------------------
	refused("load bytecode", "assert(not load('\\27Lua' .. ('\\0'):rep(100)))"),
	refused("load bytecode by mode", "assert(not load('\\27Lua', 'x', 'b')) assert(not load('\\27Lua', 'x', 'bt'))"),
	refused("load bytecode in pieces", [[
		local pieces = { "\27", "Lua", "S\0\x19\x93\r\n" }
		local i = 0
		assert(not load(function() i = i + 1 return pieces[i] end))]]),
	refused("load sees the sandbox only", [[
		assert(not pcall(load "return io.open"))
		assert(load("return _G")() == _G)]]),
	refused("load with a nil environment", "assert(not pcall(load('return print', 'x', 't', nil)))"),
	outlasts("load under ksnap's own name", [[
		while true do pcall(load("while true do end", "=ksnap.engine")) end]]),
	raises("load deeply nested text", "overflow", "error(select(2, load('return ' .. ('('):rep(1e6))))"),
	outlasts("load from an endless function", "load(function() return ' ' end)"),

	-- ---- time --------------------------------------------------------------------------------------
	outlasts("a loop", "while true do end"),
	outlasts("a loop under pcall", "while true do pcall(function() while true do end end) end"),
	outlasts("a loop under nested pcalls", [[
		local function nest(n) while true do pcall(n > 0 and nest or error, n - 1) end end
		nest(20)]]),
	outlasts("a loop under xpcall whose handler loops", [[
		while true do xpcall(function() while true do end end, function() while true do end end) end]]),
	outlasts("a loop in a coroutine", "coroutine.wrap(function() while true do end end)()"),
	outlasts("coroutines without end", [[
		while true do coroutine.resume(coroutine.create(function() while true do end end)) end]]),
	outlasts("pcall within coroutines within pcall", [[
		while true do
			pcall(coroutine.wrap(function() while true do pcall(function() while true do end end) end end))
		end]]),
	outlasts("a coroutine made before the deadline", [[
		local co = coroutine.wrap(function() while true do pcall(coroutine.yield) end end)
		while true do pcall(co) end]]),
	outlasts("goto", "::again:: goto again"),
	outlasts("sleep", "require 'ksnap'.sleep(3600)"),
	outlasts("sleep under pcall", "local k = require 'ksnap' while true do pcall(k.sleep, 3600) end"),
	outlasts("a loop without end of ops", [[
		local ksnap = require "ksnap"
		return ksnap.scenario { name = "x", loop = nil,
			ksnap.loop { every = 0, times = 1 << 40, ksnap.op.ping() } }]]),
	outlasts("a sort that hangs", [[
		table.sort({ 1, 2, 3 }, function() while true do end end)]]),
	outlasts("gsub with a function that hangs", "('x'):gsub('x', function() while true do end end)"),
	outlasts("a teardown that hangs", [[
		local function hang() while true do end end
		return require "ksnap".scenario { name = "x", setup = hang, teardown = hang }]]),
	is_killed("a pattern bomb", "(('a'):rep(30)):find(('a?'):rep(30) .. ('a'):rep(30))"),
	is_killed("a pattern bomb under pcall", [[
		while true do pcall(string.find, ("a"):rep(40), (".-"):rep(40) .. "b") end]]),
	is_killed("table.move without end", "table.move({}, 1, math.maxinteger - 1, 2)"),
	is_killed("string.rep of nothing", "(''):rep(1 << 60)"),
	is_killed("table.insert into a list that says it is long", [[
		table.insert(setmetatable({}, { __len = function() return math.maxinteger - 1 end }), 1, 1)]]),
	is_killed("a sort in which no Lua is called", [[
		local nowhere = setmetatable({}, { __newindex = rawlen })
		table.sort(setmetatable({}, { __len = function() return (1 << 31) - 2 end, __newindex = nowhere }), rawequal)]]),
	{ name = "collecting a chain of ephemerons", code = 124, text = [[
		local chain, last = {}, {}
		local first = last
		for i = 1, 40000 do
			local key = {}
			chain[40001 - i] = setmetatable({ [last] = key }, { __mode = "k" })
			last = key
		end
		while true do collectgarbage() end]] },
	outlasts("table.concat without end", [[
		table.concat(setmetatable({}, { __index = function() return "" end }), "", 1, math.maxinteger)]]),

	-- ---- memory ------------------------------------------------------------------------------------
	needs_memory("string.rep", "('x'):rep(1e9)"),
	needs_memory("string.rep with a separator", "('x'):rep(1e7, ('y'):rep(100))"),
	needs_memory("doubling", "local s = 'x' while true do s = s .. s end"),
	needs_memory("a table", "local t = {} for i = 1, math.huge do t[i] = i end"),
	needs_memory("a table of tables", "local t = {} while true do t = { t } end"),
	needs_memory("coroutines that are kept", [[
		local all = {}
		while true do all[#all + 1] = coroutine.create(function() end) end]]),
	needs_memory("memory under pcall", [[
		local kept = {}
		while pcall(function() kept[#kept + 1] = ("x"):rep(1 << 20) .. #kept end) do end
		local more = ("y"):rep(1 << 22)]]),
	needs_memory("table.concat", [[
		local t = {}
		for i = 1, 1000 do t[i] = ("x"):rep(100) end
		for i = 1001, 400000 do t[i] = t[1] end
		return table.concat(t)]]),
	needs_memory("gsub that multiplies", "('x'):rep(1e5):gsub('x', ('y'):rep(1e5))"),
	raises("utf8.codepoint of too much", "string slice too long", "utf8.codepoint(('x'):rep(8e6), 1, -1)"),
	refused("os.time and os.date out of range", [[
		for _, date in ipairs { { year = math.maxinteger, month = 1, day = 1 }, { year = 1, month = 1e300, day = 1 },
			{ year = "x", month = 1, day = 1 }, {} } do assert(not pcall(os.time, date)) end
		for _, format in ipairs { "%Ez", "%", "*t" } do assert(not pcall(os.date, format, math.maxinteger)) end]]),
	raises("string.format with a wide field", "invalid conversion", "('%99999999d'):format(1)"),
	raises("unpack too much", "too many results", "table.unpack({}, 1, 1e8)"),
	raises("pack a wide integer", "limits", "string.pack('i' .. (1 << 40), 1)"),
	raises("collectgarbage stop", "is not there in the sandbox", "collectgarbage 'stop'"),

	-- ---- the stack ---------------------------------------------------------------------------------
	needs_memory("recursion without end", "local function f() return 1 + f() end f()"),
	{ name = "recursion without end, with memory", code = 2, says = "stack overflow", options = "--memory 256 --deadline 40000",
		text = "local function f() return 1 + f() end f()" },
	raises("recursion through pcall", "stack overflow", "local function f() local _, e = pcall(f) error(e, 0) end f()"),
	raises("recursion through coroutines", "C stack overflow", [[
		local function f() local ok, e = coroutine.resume(coroutine.create(f)) error(e, 0) end
		f()]]),
	raises("recursion through gsub", "C stack overflow", [[
		local function f() ("x"):gsub("x", f) end
		f()]]),
	raises("recursion through tostring", "stack overflow", [[
		local mt = {}
		mt.__tostring = function(t) return tostring(t) end
		tostring(setmetatable({}, mt))]]),

	-- ---- yields ------------------------------------------------------------------------------------
	raises("a yield of its own", "not by coroutine.yield", "coroutine.yield()"),
	{ name = "a yield in a step", code = 2, says = "ok 2 %- teardown.*yields through ksnap's own calls", text = [[
		return require "ksnap".scenario { name = "x", require "ksnap".step { function() coroutine.yield(1) end },
			teardown = function() end }]] },
	{ name = "a yield in a step, protected", code = 0, says = "# caught", text = [[
		return require "ksnap".scenario { name = "x", require "ksnap".step { function()
			if not pcall(coroutine.yield, 1) then print "caught" end
			assert(coroutine.wrap(function() coroutine.yield(7) end)() == 7)
		end } }]] },
	raises("a yield that looks like a request", "not by coroutine.yield", [[
		coroutine.yield { kind = "call", client = true, op = "ping" }]]),
	refused("close the running coroutine", "assert(not pcall(coroutine.close, (coroutine.running())))"),

	-- ---- what it prints ------------------------------------------------------------------------------
	{ name = "a forged result", code = 1, says = "# not a result\n# ok 2 %- forged\nnot ok 1", text = [[
		print "not a result\nok 2 - forged"
		assert(false)]] },
	raises("an error of many bytes", "xxx %.%.%. and 6283264 bytes more", "error(('x'):rep(6 << 20), 0)"),
	raises("a name of many bytes", "name has 3145728 bytes, at most 1024 are told", [[
		return require "ksnap".scenario { name = ("x"):rep(3 << 20) }]]),
	raises("many failures", "%.%.%. and %d+ failures more", [[
		return require "ksnap".scenario { name = "x", check = function(run)
			for _ = 1, 900 do run:failed(("x"):rep(9000)) end
		end }]]),
	{ name = "a program that is hidden from the teardown", code = 0, says = "ok 1 %- hidden", text = [[
		local ksnap = require "ksnap"
		return ksnap.scenario { name = "hidden", ksnap.step { ksnap.op.spawn { "sleep", "3600" }, function(run)
			local bridge = run.bridge
			for i in pairs(bridge.undo_list) do bridge.undo_list[i] = nil end
			for name in pairs(bridge.children) do bridge.children[name] = nil end
		end } }]] },
	{ name = "a note to who would undo it", code = 124, says = "did not end within its deadline of 300 ms and 200 ms more; "
		.. "%-%-deadline and %-%-grace change that\"\n", text = [[
		return require "ksnap".scenario { name = "note", require "ksnap".step { function(run)
			run.bridge:undo_later("x", { words = "x", note = { "write", "/proc/self/comm", "x" }, fn = print })
			run.bridge:undo_later("y", { words = "a\0b", fn = print });
			(("a"):rep(40)):find(("a?"):rep(40) .. ("a"):rep(40))
		end } }]] },
	{ name = "terminal codes", code = 0, says = "# \\x1b%[2Jx\\x00\\xff\\xfe\nok 1", text = [[
		print "\27[2Jx\0\xff\xfe"]] },
	{ name = "a name with terminal codes", code = 0, says = "ok 1 %- a\\\\x1b%[2J\\\\x07", text = [[
		return require "ksnap".scenario { name = "a\27[2J\7" }]] },
}
