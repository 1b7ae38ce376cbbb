-- SPDX-License-Identifier: MIT
-- Lua 5.4 text as a tree, for looking at a script without running it. The text must compile: load says
-- better what is wrong with one that does not.
--
-- A node is {kind, line, ...}: name {name, binding}, index {object, key (a node)}, call {fn, args,
-- method}, string, number and constant {value}, table {items = {{key, value}}}, function {body},
-- other {parts}. A binding is {name, value (a node or nil), assigned} of a local variable.
local M = {}

-- ---- words -------------------------------------------------------------------------------------------

local keywords = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then
	true until while]]):gmatch "%a+" do keywords[word] = true end

local operators = { "...", "<<", ">>", "//", "==", "~=", "<=", ">=", "::", "..", "+", "-", "*", "/", "%", "^", "#",
	"&", "~", "|", "<", ">", "=", "(", ")", "{", "}", "[", "]", ";", ":", ",", "." }

local escapes = { n = "\n", t = "\t", r = "\r", a = "\a", b = "\b", f = "\f", v = "\v" }

local function unescape(text)
	text = text:gsub("\\z%s*", "")
	return (text:gsub("\\(x?u?)(.?)([%x{}]*)", function(kind, first, rest)
		if kind == "x" then return string.char(tonumber(first .. rest:sub(1, 1), 16)) .. rest:sub(2) end
		if kind == "u" then
			local hex, behind = (first .. rest):match "^{(%x+)}(.*)$"
			return utf8.char(tonumber(hex, 16)) .. behind
		end
		if first:find "%d" then
			local digits, behind = (first .. rest):match "^(%d%d?%d?)(.*)$"
			return string.char(tonumber(digits)) .. behind
		end
		return (escapes[first] or first) .. rest
	end))
end

-- One word at `at`: its kind, its text or value, and where the next begins.
local function short_string(text, at)
	local quote = text:sub(at, at)
	local stop = at + 1
	while text:sub(stop, stop) ~= quote do
		stop = stop + (text:sub(stop, stop) == "\\" and 2 or 1)
	end
	return "string", unescape(text:sub(at + 1, stop - 1)), stop + 1
end

local function long_string(text, at)
	local level = text:match("^%[(=*)%[", at)
	local from = at + #level + 2
	local stop = text:find("]" .. level .. "]", from, true)
	return "string", (text:sub(from, stop - 1):gsub("^\r?\n", "")), stop + #level + 2
end

local function word_at(text, at)
	local name = text:match("^[%a_][%w_]*", at)
	if name then return keywords[name] and name or "name", name, at + #name end
	local number = text:match("^0[xX][%x%.]*[pP][+-]?%d+", at) or text:match("^0[xX][%x%.]+", at)
		or text:match("^%d*%.?%d*[eE][+-]?%d+", at) or text:match("^%d*%.?%d+%.?", at)
	if number and number:find "%d" then return "number", tonumber(number), at + #number end
	if text:find("^['\"]", at) then return short_string(text, at) end
	if text:find("^%[=*%[", at) then return long_string(text, at) end
	for _, op in ipairs(operators) do
		if text:sub(at, at + #op - 1) == op then return op, op, at + #op end
	end
	error(("a character that begins nothing: %q"):format(text:sub(at, at)))
end

local function skip_space(text, at)
	while true do
		local behind = text:match("^%s+()", at)
		if not behind and text:find("^%-%-", at) then
			behind = text:find("^%-%-%[=*%[", at) and select(3, long_string(text, at + 2))
				or text:match("^[^\n]*()", at)
		end
		if not behind then return at end
		at = behind
	end
end

local function words_of(text)
	local words, at, line, counted = {}, 1, 1, 1
	while true do
		at = skip_space(text, at)
		line = line + select(2, text:sub(counted, at - 1):gsub("\n", ""))
		counted = at
		if at > #text then break end
		local kind, value, behind = word_at(text, at)
		words[#words + 1] = { kind = kind, value = value, line = line }
		at = behind
	end
	words[#words + 1] = { kind = "end of file", line = line }
	return words
end

-- ---- the parser --------------------------------------------------------------------------------------

local Parser = {}
Parser.__index = Parser

function Parser:peek() return self.words[self.at].kind end

function Parser:line() return self.words[self.at].line end

function Parser:next()
	local word = self.words[self.at]
	self.at = self.at + 1
	return word
end

function Parser:take(kind)
	if self:peek() == kind then return self:next() end
end

function Parser:need(kind)
	local word = self:take(kind)
	if not word then error(("line %d: %s expected"):format(self:line(), kind)) end
	return word
end

function Parser:node(kind, fields)
	fields.kind, fields.line = kind, fields.line or self:line()
	self.visit(fields)
	return fields
end

-- Scopes: chains of names to bindings.
function Parser:enter() self.scope = setmetatable({}, { __index = self.scope }) end

function Parser:leave() self.scope = getmetatable(self.scope).__index end

function Parser:declare(name, value)
	local binding = { name = name, value = value }
	self.scope[name] = binding
	return binding
end

function Parser:name_node(word)
	return self:node("name", { name = word.value, line = word.line, binding = self.scope[word.value] })
end

-- ---- expressions -------------------------------------------------------------------------------------

function Parser:table_item()
	if self:take "[" then
		local key = self:expression()
		self:need "]"
		self:need "="
		return { key = key, value = self:expression() }
	end
	if self:peek() == "name" and self.words[self.at + 1].kind == "=" then
		local word = self:next()
		self:next()
		return { key = self:node("string", { value = word.value, line = word.line }), value = self:expression() }
	end
	return { value = self:expression() }
end

function Parser:table()
	local line = self:need("{").line
	local items = {}
	while self:peek() ~= "}" do
		items[#items + 1] = self:table_item()
		if not self:take "," and not self:take ";" then break end
	end
	self:need "}"
	return self:node("table", { items = items, line = line })
end

function Parser:arguments()
	if self:peek() == "string" then
		local word = self:next()
		return { self:node("string", { value = word.value, line = word.line }) }
	end
	if self:peek() == "{" then return { self:table() } end
	self:need "("
	local args = {}
	if self:peek() ~= ")" then args = self:expressions() end
	self:need ")"
	return args
end

local function begins_arguments(kind)
	return kind == "string" or kind == "{" or kind == "("
end

function Parser:suffixed()
	local node
	if self:take "(" then
		node = self:node("other", { parts = { self:expression() } })
		self:need ")"
	else
		node = self:name_node(self:need "name")
	end
	while true do
		local kind, line = self:peek(), self:line()
		if self:take "." then
			local word = self:need "name"
			local key = self:node("string", { value = word.value, line = word.line })
			node = self:node("index", { object = node, key = key, line = line })
		elseif self:take "[" then
			local key = self:expression()
			self:need "]"
			node = self:node("index", { object = node, key = key, line = line })
		elseif self:take ":" then
			local method = self:need("name").value
			node = self:node("call", { fn = node, method = method, args = self:arguments(), line = line })
		elseif begins_arguments(kind) then
			node = self:node("call", { fn = node, args = self:arguments(), line = line })
		else
			return node
		end
	end
end

local constants = { ["nil"] = true, ["true"] = true, ["false"] = true, ["..."] = true }
local unary = { ["not"] = true, ["-"] = true, ["#"] = true, ["~"] = true }
local binary = {}
for op in ([[or and < > <= >= ~= == | ~ & << >> .. + - * / // % ^]]):gmatch "%S+" do binary[op] = true end

function Parser:simple()
	local kind = self:peek()
	if kind == "string" or kind == "number" then
		local word = self:next()
		return self:node(kind, { value = word.value, line = word.line })
	end
	if kind == "..." then
		self:next()
		return self:node("other", { parts = {} })
	end
	if constants[kind] then
		self:next()
		return self:node("constant", { value = kind == "true" or kind == "false" and false or nil })
	end
	if kind == "{" then return self:table() end
	if self:take "function" then return self:body() end
	return self:suffixed()
end

-- What binds how strongly is of no matter here: all parts are looked at.
function Parser:expression()
	local parts, line = {}, self:line()
	while true do
		local minus = self:peek() == "-"
		while unary[self:peek()] do
			self:next()
			line = nil
		end
		parts[#parts + 1] = self:simple()
		if minus and parts[#parts].kind == "number" then parts[#parts].negative = true end
		if not binary[self:peek()] then break end
		self:next()
	end
	if #parts == 1 and (line or parts[1].negative) then return parts[1] end
	return self:node("other", { parts = parts })
end

function Parser:expressions()
	local list = { self:expression() }
	while self:take "," do list[#list + 1] = self:expression() end
	return list
end

function Parser:body(has_self)
	self:enter()
	if has_self then self:declare "self" end
	self:need "("
	while self:peek() ~= ")" do
		if not self:take "..." then self:declare(self:need("name").value) end
		self:take ","
	end
	self:need ")"
	self:block()
	self:need "end"
	self:leave()
	return self:node("function", {})
end

-- ---- statements --------------------------------------------------------------------------------------

local statements = {}

local function block_until_end(self)
	self:enter()
	self:block()
	self:leave()
	self:need "end"
end

statements["if"] = function(self)
	repeat
		self:expression()
		self:need "then"
		self:enter()
		self:block()
		self:leave()
	until not self:take "elseif"
	if self:take "else" then
		self:enter()
		self:block()
		self:leave()
	end
	self:need "end"
end

statements["while"] = function(self)
	self:expression()
	self:need "do"
	block_until_end(self)
end

statements["do"] = block_until_end

statements["for"] = function(self)
	local names = { self:need("name").value }
	while self:take "," do names[#names + 1] = self:need("name").value end
	if not self:take "=" then self:need "in" end
	self:expressions()
	self:need "do"
	self:enter()
	for _, name in ipairs(names) do self:declare(name) end
	self:block()
	self:leave()
	self:need "end"
end

statements["repeat"] = function(self)
	self:enter()
	self:block()
	self:need "until"
	self:expression()
	self:leave()
end

statements["function"] = function(self)
	local word = self:need "name"
	local names, is_method = 0, false
	local target = self:name_node(word)
	while self:peek() == "." or self:peek() == ":" do
		is_method = self:next().kind == ":"
		self:need "name"
		names = names + 1
	end
	if names == 0 then self:assign(target) end
	self:body(is_method)
end

statements["local"] = function(self)
	if self:take "function" then
		self:declare(self:need("name").value)
		self:body()
		return
	end
	local names = {}
	repeat
		names[#names + 1] = self:need("name").value
		if self:take "<" then
			self:need "name"
			self:need ">"
		end
	until not self:take ","
	local values = self:take "=" and self:expressions() or {}
	for i, name in ipairs(names) do self:declare(name, values[i]) end
end

statements["return"] = function(self)
	local kind = self:peek()
	if kind ~= "end" and kind ~= "else" and kind ~= "elseif" and kind ~= "until" and kind ~= "end of file" and kind ~= ";"
	then
		self:expressions()
	end
end

statements["goto"] = function(self) self:need "name" end

statements["break"] = function() end

statements["::"] = function(self)
	self:need "name"
	self:need "::"
end

statements[";"] = function() end

-- A variable that is given something else later has no value that can be known.
function Parser:assign(node)
	if node.kind == "name" then
		node.written = true
		if node.binding then node.binding.assigned = true end
	end
end

function Parser:statement()
	local statement = statements[self:peek()]
	if statement then
		self:next()
		return statement(self)
	end
	local targets = { self:suffixed() }
	while self:take "," do targets[#targets + 1] = self:suffixed() end
	if self:take "=" then
		for _, node in ipairs(targets) do self:assign(node) end
		self:expressions()
	end
end

local block_ends = { ["end"] = true, ["else"] = true, ["elseif"] = true, ["until"] = true, ["end of file"] = true }

function Parser:block()
	while not block_ends[self:peek()] do self:statement() end
end

--- All nodes of a chunk, each behind its parts.
function M.nodes(text)
	local nodes = {}
	local parser = setmetatable({ words = words_of(text), at = 1, scope = {}, visit = function(node)
		nodes[#nodes + 1] = node
	end }, Parser)
	parser:enter()
	parser:block()
	return nodes
end

return M
