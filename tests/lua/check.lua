-- What ksnap check finds in a text, and what it leaves alone.
local check = require "ksnap.check"
local syntax = require "ksnap.syntax"

local head = 'local ksnap = require "ksnap" local op, step = ksnap.op, ksnap.step\n'

-- The text behind head is wrong on its first line, in this way.
local wrong = {
	{ "x = ", "unexpected symbol" },
	{ "x = 1", '"x" would be a new global; write: local x' },
	{ "function f() end", '"f" would be a new global' },
	{ "print(prnt)", 'there is no global "prnt"; did you mean print?' },
	{ "local t = { [1] = y }", 'there is no global "y"' },
	{ "do local a end a()", 'there is no global "a"' },
	{ "for i = 1, 2 do end print(i)", 'there is no global "i"' },
	{ "repeat local a = 1 until a == b", 'there is no global "b"' },
	{ "local function f(a, ...) return a, ..., c end", 'there is no global "c"' },
	{ "local s = 'a\\'b' .. q", 'there is no global "q"' },
	{ "local s = [==[ ]] ]==] .. q", 'there is no global "q"' },
	{ "--[[ print(zz) ]] q()", 'there is no global "q"' },
	{ "io.write 'x'", "io is not there in the sandbox" },
	{ "local x <const> = 1 x = 2", "attempt to assign to const" },
	{ "goto nowhere", "no visible label" },
	{ "ksnap.scneario {}", 'ksnap has no "scneario"; did you mean scenario?' },
	{ "op.capture_snapshto 't0'", 'there is no op "capture_snapshto"; did you mean capture_snapshot?' },
	{ "ksnap.op.hsa 't0'", "did you mean has?" },
	{ "require 'ksnap'.op.hsa 't0'", "did you mean has?" },
	{ "local mine = op local capture = mine.capture_snapshot capture { tga = 't' }", "did you mean tag?" },
	{ "op.capture_snapshot { tag = 5 }", "tag: a string is expected, not a number (5)" },
	{ "op.capture_snapshot {}", "tag is missing" },
	{ "op.capture_snapshot()", "tag is missing" },
	{ "op.capture_snapshot ''", "from 1 to 64 bytes are allowed" },
	{ "op.capture_snapshot { 't0', maps = { 5 } }", "maps[1]: a string is expected" },
	{ "op.capture_snapshot { 't0', timeout = 'long' }", "is no duration" },
	{ "op.get { tag = tostring(1), as = 'picture' }", "there is no \"picture\"" },
	{ "step { op.capture_snapshot { tag = -1 } }", "a string is expected" },
	{ "op.sleep 'long'", "is no duration" },
	{ "op.spawn { 'true', 5 }", "a string is expected, not a number" },
	{ "op.spawn {}", "is missing" },
	{ "op.list { 'x' }", 'there is no parameter "1"' },
	{ "step { 'a', hodl = 1 }", 'step: there is no "hodl"; did you mean hold?' },
	{ "step { 'a', hodl = tostring(1) }", "did you mean hold?" },
	{ "step { 'a', hold = 'long' }", 'step "a": hold: "long" is no duration' },
	{ "step { 'a', hold = -1 }", "-1 is not between 0 and a day" },
	{ "step { 'a', 'b' }", "item 1 is neither an op nor a function" },
	{ "step { name = 5 }", "step: name is a string, not a number" },
	{ "step { 'a', hold = { 1 } }", "hold is a duration or a loop" },
	{ "ksnap.loop { evry = 1, op.list() }", "did you mean every?" },
	{ "ksnap.loop { op.list(), times = 1 }", "every is missing" },
	{ "ksnap.loop { every = 1, op.list(), times = 0 }", "times is a whole number from 1, not 0" },
	{ "ksnap.scenario { name = 'x', chekc = print }", 'scenario: there is no "chekc"; did you mean check?' },
	{ "ksnap.scenario { step {} }", "name is missing" },
	{ "ksnap.scenario { name = 'x', step {}, op.list() }", "item 2 is neither ksnap.step nor ksnap.loop" },
	{ "ksnap.scenario { name = 'x', check = 5 }", "check is a function, not a number" },
	{ "ksnap.scenario { name = 'x', maps = { 5 } }", "maps[1]: a string is expected" },
	{ "ksnap.scenario { name = 'x', duration = 1, step { hold = '2s' } }", "step 1: hold = 2s is longer than the scenario" },
	{ "local s = step { hold = 0.6 } ksnap.scenario { name = 'x', duration = 1, s, print, s }", "holds up to step 3 add up to 1.2s" },
	{ "ksnap.scenario { name = 'x', ksnap.loop { every = 1, function() end } }", "a loop needs times" },
	{ "ksnap.scenario { name = 'x', duration = '1s', periodic = 60 }", "are 13.1 ms apart" },
	{ "ksnap.scenario { name = 'x', periodic = 2, step { 'a', hold = '100ms' } }", "at least 100 ms are needed" },
	{ "ksnap.scenario { name = 'x', inconclusive = 'maybe' }", 'there is no "maybe"; there are fail, note' },
}
for _, case in ipairs(wrong) do
	local problems = check.text(head .. case[1], "x.lua", {})
	local found = problems[1] and problems[1].message
	assert(found and found:find(case[2], 1, true), case[1] .. ": " .. tostring(found))
	assert(problems[1].line == 2, case[1])
end

local right = {
	"",
	"local a, b = 1, {} b.c, a = a, 2 function b.f() end function b:g() return self end",
	"local op = {} op.anything 't0'",
	"local x = op x = {} x.anything 't0'",
	"op.capture_snapshot('t' .. 1) op.capture_snapshot { tag = ksnap.hex(1), maps = { 'a', ('b'):rep(2) } }",
	"op.capture_snapshot { 't0', timeout = '1s' } op.attach_object 'nowhere.bpf.o'",
	"op.sleep '1s' op.spawn { 'true', ('x'):rep(3) } op.call(print) op.call(function() end)",
	"op.attach_object { 'a.bpf.o', name = 'b' } op.has 't0' op.list()",
	"op[next {}] 'x' ksnap[next {}]()",
	"local s = '\\x41\\u{48}\\065\\z   x\\\\' local n = 0x.1p4 + 0xA + 3. + .5 + 1e10 + 1 // 2 ~ 3 << 1",
	"step { tostring(1), print, op.list(), setup = { print }, hold = tostring(1) } step(arg)",
	"local a = {} a[1] = 1 step { 'a', table.unpack(a) } ksnap.scenario { name = 'x', table.unpack(a) } step { a }",
	"ksnap.loop { tostring(1), times = #arg, every = arg[1], print } ksnap.loop { every = 0.1, times = 2, table.unpack(arg) }",
	"ksnap.scenario { name = arg[1], periodic = 60, step { hold = arg[2] } }",
	"ksnap.scenario { name = 'x', periodic = 60, duration = arg[1], step { hold = 1.0 }, ksnap.loop { every = 1, print } }",
	"ksnap.scenario { name = 'x', maps = { arg[1] }, check = print, setup = arg, [arg[1]] = 5, safe = not arg[1] }",
	"local function f(n) return n > 0 and f(n - 1) or not n end goto done do local _ = f end ::done::",
	"if a == nil then local a = 1 print(a) elseif false then else end while false do break end",
}
right[#right] = right[#right]:gsub("a == nil", "print == nil")
for _, text in ipairs(right) do
	local problems = check.text(head .. text, "x.lua", {})
	assert(#problems == 0, text .. ": " .. tostring(problems[1] and problems[1].message))
end

-- With all libraries a global may be written, and then read; one that nobody writes is still wrong.
assert(#check.text("x = 1 print(x, io, arg)", "x.lua", { unsafe = true }) == 0)
assert(#check.text("print(x)", "x.lua", { unsafe = true }) == 1)

-- Lines are counted through strings and comments; a shebang is none of Lua's.
local problems = check.text("#!/usr/bin/env ksnap\n--[[\n\n]]\nlocal s = [[\n]]\nq()", "x.lua", {})
assert(#problems == 1 and problems[1].line == 7)
assert(check.text("\27Lua", "x.lua", {})[1].message:find "compiled Lua")

-- Strings have the bytes that Lua gives them.
for _, literal in ipairs { [['\x41\u{48}\065\z
	x\n\\x\"']], [["\1\12\123\9z"]], "[[\nline]]", [['\
']], [['\u{10FFFF}']] } do
	for _, node in ipairs(syntax.nodes("return " .. literal)) do
		assert(node.kind ~= "string" or node.value == load("return " .. literal)(), literal)
	end
end
