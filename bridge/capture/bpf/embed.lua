-- SPDX-License-Identifier: MIT
-- embed.lua - write a file as the numbers of a C array: lua embed.lua file
local file = assert(io.open(arg[1], "rb"))
local bytes = file:read "a"
file:close()
print "/* Made by bridge/capture/bpf/embed.lua; do not edit. */"
for at = 1, #bytes, 16 do
	print("\t" .. bytes:sub(at, at + 15):gsub(".", function(c) return ("%d,"):format(c:byte()) end))
end
