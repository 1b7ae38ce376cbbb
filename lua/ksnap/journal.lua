-- SPDX-License-Identifier: MIT
-- What is to be undone here, noted where the process that watches this one sees it: it undoes that when this one has to
-- be killed. Brokers undo what they hold by themselves, children end with this process's group: neither has a note.
local notes = require "ksnap.notes"

local M = {}

local list = {} -- of what is noted, the latest last
local notes_of = setmetatable({}, { __mode = "k" }) -- kept from scripts, which see what is to be undone

local held <const> = { "held", "", "" }

-- Scripts can say it in their own words.
local function words_of(what)
	return type(what.words) == "string" and what.words:sub(1, 400):gsub("%c", " ") or "something"
end

local function tell()
	local flat = {}
	for i = #list, 1, -1 do
		local what = list[i]
		local note = notes_of[what] or held
		table.move({ note[1], note[2], note[3], (words_of(what)) }, 1, 4, #flat + 1, flat)
	end
	notes.set(flat)
end

--- The same table, noted for add: {"rmdir", path, ""}, {"write", path, text}, or {"move", path, "PID /from"}.
function M.note(what, note)
	notes_of[what] = note
	return what
end

--- It is to be undone: {words, held}.
function M.add(what)
	if not (notes_of[what] or what.held) then return end
	list[#list + 1] = what
	tell()
end

--- It needs no undoing any more.
function M.remove(what)
	for i = #list, 1, -1 do
		if list[i] == what then
			table.remove(list, i)
			return tell()
		end
	end
end

return M
