-- SPDX-License-Identifier: MIT
-- asyncapi.lua - asyncapi.json, for people with other tools: AsyncAPI 3.0.0, JSON Schema draft-07.
--
-- The described application is the broker: it receives requests and sends replies and live messages.
-- Payload schemas are those of the envelope frame; x-frames names the frames beside it.
local part = ...
local json, schema = part "json", part "jsonschema"
local map, put, ref = json.map, json.put, schema.ref

local M = {}

local EPOCH = 7241866550153

local function message_ref(name)
	return map("$ref", "#/components/messages/" .. name)
end

local function on_channel(channel, name)
	return map("$ref", ("#/channels/%s/messages/%s"):format(channel, name))
end

local function parts_of(op)
	local choices = {}
	for i, p in ipairs(op.parts) do
		choices[i] = map("description", p.doc, "required", p.required)
	end
	return choices
end

local function example_parts(op)
	return op.parts and op.example.parts or { op.example.reply }
end

local function example_reply(model, op, v)
	local reply = op.reply_shape
	if reply.bare then
		return schema.example_field(model, reply.fields[1], v)
	end
	return schema.example(model, reply.fields, v)
end

local function reply_examples(model, op)
	local out = {}
	for i, v in ipairs(example_parts(op)) do
		out[i] = example_reply(model, op, v)
	end
	return out
end

local function event_fields(ev)
	local fields = {
		{ "seq", "uint", required = true, doc = "Number on its bridge, from 1; 0 for the synthetic truncation mark." },
		{ "ts", "int", required = true, doc = "CLOCK_REALTIME, ns." },
		{ "mono", "uint", required = true, doc = "CLOCK_MONOTONIC, ns." },
		{ "k", "str", enum = { ev.name }, required = true, doc = "Kind." },
	}
	return table.move(ev.fields, 1, #ev.fields, #fields + 1, fields)
end

-- Keys of @more beside those of @base.
local function joined(base, more)
	local all = {}
	for _, t in ipairs { base, more } do
		for k, v in pairs(t) do
			all[k] = v
		end
	end
	return all
end

local EVENT_BASE = { seq = 1, ts = 1700000000000000000, mono = 81234567890 }

local function event_example(model, ev)
	local base = joined(EVENT_BASE, { k = ev.name, seq = ev.synthetic and 0 or 1 })
	return schema.example(model, event_fields(ev), joined(base, ev.example))
end

local function put_op_schemas(out, model, op)
	local params, reply = schema.shape(op.params_shape), schema.shape(op.reply_shape)
	put(params, "examples", { schema.example(model, op.params, op.example.params) })
	if op.parts then
		put(reply, "anyOf", parts_of(op))
	end
	put(reply, "examples", reply_examples(model, op))
	put(out, op.name .. "_params", params)
	put(out, op.name .. "_reply", reply)
end

local function put_event_schemas(out, model)
	local kinds = {}
	for _, ev in ipairs(model.events) do
		local s = schema.object(ev.summary .. "\n" .. ev.doc, event_fields(ev))
		put(s, "examples", { event_example(model, ev) })
		put(out, "event_" .. ev.name, s)
		kinds[#kinds + 1] = ref("event_" .. ev.name)
	end
	put(out, "event", map("description", "Any event of this API level.", "oneOf", kinds))
end

local function put_report_schemas(out, model)
	local r = model.report
	for _, s in ipairs(r.shapes) do
		put(out, s.name, schema.shape(s))
	end
	local s = schema.object(r.doc, r.fields)
	put(s, "examples", { schema.example(model, r.fields, r.example) })
	put(out, "report", s)
end

local function schemas(model)
	local out = map()
	for _, shape in ipairs(model.shapes) do
		if shape.origin ~= "params" and shape.origin ~= "reply" and shape.origin ~= "kept" then
			local s = schema.shape(shape)
			if shape.example then
				put(s, "examples", { schema.example(model, shape.fields, shape.example) })
			end
			put(out, shape.name, s)
		end
	end
	for _, op in ipairs(model.ops) do
		put_op_schemas(out, model, op)
	end
	put_event_schemas(out, model)
	put_report_schemas(out, model)
	return out
end

local function examples(payloads)
	local out = {}
	for i, payload in ipairs(payloads) do
		out[i] = map("payload", payload)
	end
	return out
end

local function blob_frames(n)
	return n and ("[envelope] [blob] x %d"):format(n) or "[envelope]"
end

local function needs_params(op)
	for _, f in ipairs(op.params) do
		if f.required then
			return { "p" }
		end
	end
end

local function request_message(model, op)
	local payload = map("v", 1, "id", 1, "op", op.name)
	if next(op.example.params) then
		put(payload, "p", schema.example(model, op.params, op.example.params))
	end
	return map("title", op.name, "summary", op.summary, "contentType", "application/msgpack",
		"x-frames", blob_frames(op.blobs),
		"payload", map("allOf", { ref "request_envelope" },
			"properties", map("op", map("const", op.name), "p", ref(op.name .. "_params")),
			"required", needs_params(op)),
		"examples", examples { payload })
end

local function reply_payloads(model, op)
	local out = {}
	local parts = example_parts(op)
	for i, v in ipairs(parts) do
		local blobs = op.parts and op.parts[i] and op.parts[i].blobs
		out[i] = map("v", 1, "id", 1, "ok", true, "r", example_reply(model, op, v),
			"more", i < #parts or nil, "blobs", blobs)
	end
	return out
end

local function failure(model, op)
	local code = op.errors[1] or "E_ARG"
	for _, e in ipairs(model.errors) do
		if e.code == code then
			return map("v", 1, "id", 1, "ok", false,
				"e", map("code", e.code, "class", e.class, "msg", e.doc, "retry", e.retry))
		end
	end
	error(op.name .. " names an unknown error: " .. code)
end

local function reply_message(model, op)
	local payloads = reply_payloads(model, op)
	payloads[#payloads + 1] = failure(model, op)
	return map("title", op.name .. ", answered", "contentType", "application/msgpack",
		"x-frames", blob_frames(op.reply_blobs), "x-multipart", op.multipart,
		"payload", map("allOf", { ref "reply_envelope" },
			"if", map("properties", map("ok", map("const", true))),
			"then", map("properties", map("r", ref(op.name .. "_reply")), "required", { "r" }),
			"else", map("required", { "e" })),
		"examples", examples(payloads))
end

local function header_example(model, channel, kind, fields, more)
	local header = { v = 1, epoch = EPOCH, ch = channel:gsub("<bridge>", "default"), seq = kind == "beat" and 0 or 1,
			 ts = 1700000000000000000, k = kind }
	local all = table.move(fields, 1, #fields, #model.shape.live_header.fields + 1,
		{ table.unpack(model.shape.live_header.fields) })
	return schema.example(model, all, joined(header, more))
end

local function event_message(model, ev)
	local mono = { { "mono", "uint" } }
	local fields = table.move(ev.fields, 1, #ev.fields, 2, mono)
	return map("title", ev.name, "summary", ev.summary, "contentType", "application/msgpack",
		"x-frames", "[channel] [header]", "x-channels", { "event/<bridge>" },
		"payload", map("allOf", { ref "live_header", ref("event_" .. ev.name) }),
		"examples", examples { header_example(model, "event/<bridge>", ev.name, fields,
			joined({ mono = EVENT_BASE.mono }, ev.example)) })
end

local function live_message(model, live)
	return map("title", live.kind, "summary", live.doc, "contentType", "application/msgpack",
		"x-frames", live.kind == "captured" and "[channel] [header] [report, on report/<bridge>]" or "[channel] [header]",
		"x-channels", live.channels,
		"payload", map("allOf", { ref "live_header", ref(live.name) },
			"properties", map("k", map("const", live.kind))),
		"examples", examples { header_example(model, live.channels[1], live.kind, live.fields, live.example) })
end

local function work_message(model, shape)
	return map("title", shape.name, "summary", shape.doc, "contentType", "application/msgpack",
		"x-frames", "[envelope] [blob ...]", "x-from", shape.from, "payload", ref(shape.name),
		"examples", examples { schema.example(model, shape.fields, shape.example) })
end

-- What goes over each socket: lists of message names, and the messages.
local function messages(model)
	local all, on = map(), { control = {}, live = {}, broker = {}, worker = {} }
	local function add(where, name, message)
		put(all, name, message)
		table.insert(on[where], name)
	end
	for _, op in ipairs(model.ops) do
		add("control", op.name .. "_request", request_message(model, op))
		add("control", op.name .. "_reply", reply_message(model, op))
	end
	for _, ev in ipairs(model.events) do
		if not ev.synthetic then
			add("live", "event_" .. ev.name, event_message(model, ev))
		end
	end
	for _, live in ipairs(model.live) do
		add("live", live.name, live_message(model, live))
	end
	for _, shape in ipairs(model.shapes) do
		if shape.origin == "work" and shape.fields[1][1] == "k" then
			add(shape.from, shape.name, work_message(model, shape))
		end
	end
	return all, on
end

local SOCKETS = {
	control = { "ROUTER", { "DEALER", "REQ" }, "Requests and replies. A REQ peer's empty delimiter is mirrored." },
	live = { "XPUB", { "SUB", "XSUB" }, "Published: [channel] [header] [payload?]. Subscribe by prefix of the channel." },
	work = { "ROUTER", { "DEALER" }, "The broker and its capture workers; not for clients." },
}

local function servers()
	local out = map()
	for _, name in ipairs { "control", "live", "work" } do
		local s = SOCKETS[name]
		local path = "/run/ksnap/" .. name
		put(out, name, map("host", "localhost", "pathname", path, "protocol", "zmq", "protocolVersion", "3.1",
			"description", s[3], "x-zmq", map("socket", s[1], "peers", s[2], "endpoint", "ipc://" .. path)))
	end
	return out
end

local function channel(name, ...)
	local list = map()
	for _, names in ipairs { ... } do
		for _, n in ipairs(names) do
			put(list, n, message_ref(n))
		end
	end
	local s = SOCKETS[name]
	return map("address", name, "description", s[3], "servers", { map("$ref", "#/servers/" .. name) },
		"messages", list, "x-zmq", map("socket", s[1], "peers", s[2]))
end

local function op_operation(op)
	local control = map("$ref", "#/channels/control")
	return map("action", "receive", "channel", control, "summary", op.summary, "description", op.doc,
		"messages", { on_channel("control", op.name .. "_request") },
		"reply", map("channel", control, "messages", { on_channel("control", op.name .. "_reply") }),
		"x-number", op.number, "x-since", op.since, "x-right", op.right, "x-errors", op.errors)
end

local function flow(action, name, summary, names)
	local list = {}
	for i, n in ipairs(names) do
		list[i] = on_channel(name, n)
	end
	return map("action", action, "channel", map("$ref", "#/channels/" .. name), "summary", summary, "messages", list)
end

local function operations(model, on)
	local out = map()
	for _, op in ipairs(model.ops) do
		put(out, op.name, op_operation(op))
	end
	put(out, "publish", flow("send", "live", "Events and other live messages.", on.live))
	put(out, "to_worker", flow("send", "work", "What the broker tells a worker.", on.broker))
	put(out, "from_worker", flow("receive", "work", "What a worker tells the broker.", on.worker))
	return out
end

function M.json(model)
	local all, on = messages(model)
	return json.encode(map("asyncapi", "3.0.0",
		"info", map("title", "ksnap", "version", tostring(model.api),
			"description", "Snapshots of kernel state over ZeroMQ and msgpack. All frames are msgpack; "
				.. "schemas show its values as JSON.",
			"x-api-level", model.api, "x-protocol", model.protocol),
		"defaultContentType", "application/msgpack",
		"servers", servers(),
		"channels", map("control", channel("control", on.control), "live", channel("live", on.live),
			"work", channel("work", on.broker, on.worker)),
		"operations", operations(model, on),
		"components", map("schemas", schemas(model), "messages", all)))
end

return M
