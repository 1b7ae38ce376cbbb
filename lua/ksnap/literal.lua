-- SPDX-License-Identifier: MIT
-- What a node of a script's syntax stands for, as far as its text tells.
local M = {}

--- "ksnap.op.has" for a node that means it through locals, or nil.
function M.path(node)
	if node.kind == "name" then
		local binding = node.binding
		return binding and binding.value and not binding.assigned and M.path(binding.value) or nil
	end
	if node.kind == "call" then
		local arg = node.args[1]
		local is_require = node.fn.kind == "name" and node.fn.name == "require" and not node.fn.binding
		return is_require and arg and arg.kind == "string" and arg.value == "ksnap" and "ksnap" or nil
	end
	if node.kind == "index" and node.key.kind == "string" then
		local object = M.path(node.object)
		return object and object .. "." .. node.key.value
	end
end

--- Stands for a value that only running would tell.
M.unknown = {}

--- The value of a node that is written out, and M.unknown in place of what is not.
function M.value(node)
	if node.kind == "string" or node.kind == "constant" then return node.value end
	if node.kind == "number" then return node.negative and -node.value or node.value end
	if node.kind ~= "table" then return M.unknown end
	local t, n = {}, 0
	for _, item in ipairs(node.items) do
		local key = item.key and M.value(item.key)
		if not item.key then
			n = n + 1
			key = n
		end
		if key ~= nil and key ~= M.unknown then t[key] = M.value(item.value) end
	end
	return t
end

--- Whether there is nothing unknown in a value.
function M.is_known(value)
	if value == M.unknown then return false end
	if type(value) ~= "table" then return true end
	for _, item in pairs(value) do
		if not M.is_known(item) then return false end
	end
	return true
end

return M
