return { json = function() return "{}\n" end }
