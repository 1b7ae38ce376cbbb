#!/usr/bin/env -S ksnap run
local ksnap = require "ksnap"

local bridge <close> = assert(ksnap.connect())
assert(bridge:capture_snapshot "t0")
assert(bridge:has "t0")
