// SPDX-License-Identifier: MIT
/* host_test.c - what can go wrong in a script: the exit code, the TAP, and what is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "fake_client.h"
#include "run_script.h"

#define CAP 16384

struct script_case {
	const char *name, *text;
	enum lua_host_exit code;
	const char *shows[4]; /* on stdout */
	const char *fail_op;
	bool unreachable;
};

#define HEAD \
	"local ksnap = require 'ksnap' local op, step, loop = ksnap.op, ksnap.step, ksnap.loop "

static const struct script_case cases[] = {
	{ "syntax error", "local x = = 1\n", LUA_HOST_SCRIPT,
	  .shows = { "not ok 3 - ", "scenario.lua:1", "unexpected symbol" } },
	{ "runtime error", "local t\nlocal x = t.y\n", LUA_HOST_SCRIPT,
	  .shows = { "not ok 3", "scenario.lua:2", "attempt to index a nil value", "traceback:" } },
	{ "error value that is a table", "error({})", LUA_HOST_SCRIPT, .shows = { "not ok 3" } },
	{ "error value that is nil", "error(nil)", LUA_HOST_SCRIPT, .shows = { "not ok 3" } },
	{ "binary chunk", "\033Lua", LUA_HOST_SCRIPT, .shows = { "not ok 3", "compiled Lua" } },
	{ "returns nonsense", "return 42", LUA_HOST_SCRIPT, .shows = { "returns ksnap.scenario" } },
	{ "yields by itself", "coroutine.yield(1)", LUA_HOST_SCRIPT,
	  .shows = { "not by coroutine.yield" } },
	{ "unknown op", HEAD "\nlocal x = op.capture_snapshto 't0'", LUA_HOST_SCRIPT,
	  .shows = { "did you mean capture_snapshot?", "scenario.lua:2", "E_OP" } },
	{ "unknown parameter", HEAD "\nlocal x = op.capture_snapshot { tag = 't0', mapz = {} }",
	  LUA_HOST_SCRIPT, .shows = { "did you mean maps?", "scenario.lua:2", "E_ARG" } },
	{ "wrong type of a parameter", HEAD "op.capture_snapshot { tag = 5 }", LUA_HOST_SCRIPT,
	  .shows = { "capture_snapshot: tag: a string is expected, not a number" } },
	{ "missing parameter", HEAD "op.capture_snapshot {}", LUA_HOST_SCRIPT,
	  .shows = { "tag is missing" } },
	{ "missing object file", HEAD "op.attach_object 'nowhere.bpf.o'", LUA_HOST_FAILED,
	  .shows = { "there is no file", "KSNAP_OBJECT_PATH" } },
	{ "no active bridge", HEAD "ksnap.issue(op.list())", LUA_HOST_SCRIPT,
	  .shows = { "no bridge is active", "E_STATE" } },
	{ "a bad hold is found before step 1",
	  HEAD "return ksnap.scenario { name = 'x', step { 'a', op.capture_snapshot 't0' }, step { "
	       "hold = '5 parsecs' } }",
	  LUA_HOST_SCRIPT, .shows = { "5 parsecs", "is no duration", "scenario.lua:1" } },
	{ "a fraction above 1",
	  HEAD "return ksnap.scenario { name = 'x', duration = '1s', step { hold = 1.5 } }",
	  LUA_HOST_SCRIPT, .shows = { "no fraction", "scenario.lua:1" } },
	{ "an endless loop",
	  HEAD "return ksnap.scenario { name = 'x', loop { every = '1ms', function() end } }",
	  LUA_HOST_SCRIPT, .shows = { "a loop needs times" } },
	{ "unknown scenario key", HEAD "return ksnap.scenario { name = 'x', setpu = {} }",
	  LUA_HOST_SCRIPT, .shows = { "did you mean setup?" } },
	{ "no io, no os.execute",
	  "local G = _G for _, name in ipairs { 'io', 'package', 'loadfile', 'dofile' } do\n"
	  "assert(not rawget(G, name)) end assert(not os.execute and not string.dump)",
	  LUA_HOST_OK, .shows = { "ok 3" } },
	{ "io is undeclared", "local x = io.open", LUA_HOST_SCRIPT,
	  .shows = { "io is not there in the sandbox; --unsafe-libs opens it" } },
	{ "unreachable, declared", HEAD "return ksnap.scenario { name = 'x' }",
	  LUA_HOST_UNREACHABLE, .shows = { "not ok 3 - x", "E_UNREACHABLE" }, .unreachable = true },
	{ "unreachable, straight", HEAD "local b = assert(ksnap.connect())", LUA_HOST_UNREACHABLE,
	  .shows = { "not ok 3", "E_UNREACHABLE" }, .unreachable = true },
	{ "a failing check",
	  HEAD "return ksnap.scenario { name = 'x', check = function(run)\n"
	       "  ksnap.assert(1 == 2, 'one is not %d', 2)\nend }",
	  LUA_HOST_FAILED,
	  .shows = { "not ok 3 - x", "one is not 2", "scenario.lua:2", "phase: \"check\"" } },
	{ "a check that returns false",
	  HEAD "return ksnap.scenario { name = 'x', check = function() return false end }",
	  LUA_HOST_FAILED, .shows = { "check returned false" } },
	{ "plain assert in a check",
	  HEAD "return ksnap.scenario { name = 'x', check = function() assert(false) end }",
	  LUA_HOST_FAILED, .shows = { "assertion failed" } },
	{ "error in setup",
	  HEAD "return ksnap.scenario { name = 'x', setup = function() error 'boom' end }",
	  LUA_HOST_SCRIPT, .shows = { "boom", "phase: \"setup\"", "traceback:" } },
	{ "error in a step",
	  HEAD
	  "return ksnap.scenario { name = 'x', step { 'first', function() error 'boom' end } }",
	  LUA_HOST_SCRIPT, .shows = { "boom", "phase: \"step 1, first\"" } },
	{ "error in a loop",
	  HEAD "return ksnap.scenario { name = 'x', loop { every = 0, times = 3, function(i)"
	       " if i == 2 then error 'boom' end end } }",
	  LUA_HOST_SCRIPT, .shows = { "boom", "phase: \"step 1\"" } },
	{ "error in check",
	  HEAD "return ksnap.scenario { name = 'x', check = function() error 'boom' end }",
	  LUA_HOST_SCRIPT, .shows = { "boom" } },
	{ "error in teardown",
	  HEAD "return ksnap.scenario { name = 'x', teardown = function() error 'boom' end }",
	  LUA_HOST_SCRIPT, .shows = { "boom", "phase: \"teardown\"" } },
	{ "error in a close",
	  HEAD
	  "return ksnap.scenario { name = 'x', check = function()\n"
	  "local c <close> = setmetatable({}, { __close = function() error 'boom' end }) end }",
	  LUA_HOST_SCRIPT, .shows = { "boom" } },
	{ "error in a sort within a check, with an op in it",
	  HEAD "return ksnap.scenario { name = 'x', check = function(run)\n"
	       "table.sort({ 1, 2 }, function() assert(run.bridge:ping()) error 'boom' end) end }",
	  LUA_HOST_SCRIPT, .shows = { "boom" } },
	{ "a failed op fails its step",
	  HEAD "return ksnap.scenario { name = 'x', step { op.capture_snapshot 't0' },"
	       " step { function() print 'reached' end } }",
	  LUA_HOST_FAILED,
	  .shows = { "capture_snapshot: it broke", "code: E_TARGET", "phase: \"step 1\"" },
	  .fail_op = "capture_snapshot" },
	{ "a snapshot that is not there",
	  HEAD "return ksnap.scenario { name = 'x', check = function(run)"
	       " run:snapshot 'nope' end }",
	  LUA_HOST_FAILED, .shows = { "get: no snapshot", "E_NOTFOUND" } },
	{ "passing",
	  HEAD "print('hello', 1)\nreturn ksnap.scenario { name = 'all # well', step { "
	       "op.capture_snapshot 't0' },"
	       " check = function(run) assert(run:snapshot 't0'.tag == 't0') assert(arg[2] == "
	       "'two') end }",
	  LUA_HOST_OK, .shows = { "# hello\t1\n", "ok 3 - all \\# well\n" } },
	{ "straight-line",
	  HEAD "local b <close> = assert(ksnap.connect())\nlocal s = b:capture_snapshot 't0'\n"
	       "assert(s.tag == 't0' and s:var('nr_switches'):u64() == 42)",
	  LUA_HOST_OK, .shows = { "ok 3 - " } },
};

static void run_case(const struct script_case *c)
{
	char out[CAP], err[CAP];
	enum lua_host_exit code;

	fake_reset();
	fake.fail_op = c->fail_op;
	fake.unreachable = c->unreachable;
	code = run_script_text(c->text, out, err, CAP);
	if (code != c->code)
		fail_msg("%s: exit code %d, expected %d\n%s%s", c->name, code, c->code, out, err);
	for (size_t i = 0; i < ARRAY_SIZE(c->shows) && c->shows[i]; i++)
		if (!strstr(out, c->shows[i]))
			fail_msg("%s: no \"%s\" in:\n%s%s", c->name, c->shows[i], out, err);
	if ((code >= LUA_HOST_SCRIPT) != (err[0] != '\0'))
		fail_msg("%s: stderr: \"%s\"", c->name, err);
	if (fake.open)
		fail_msg("%s: %u clients are still connected", c->name, fake.open);
}

static void scripts_end_as_they_should(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		run_case(&cases[i]);
}

static void missing_file_is_a_script_error(void **state)
{
	char out[CAP], err[CAP];

	assert_int_equal(run_script_file("/nowhere/x.lua", false, out, err, CAP), LUA_HOST_SCRIPT);
	assert_non_null(strstr(out, "not ok 3 - /nowhere/x.lua"));
	assert_non_null(strstr(err, "No such file"));
}

static void a_failed_step_stops_the_next(void **state)
{
	char out[CAP], err[CAP];

	fake_reset();
	run_script_text(HEAD
			"return ksnap.scenario { name = 'x', step { function() error 'a' end },"
			" step { op.capture_snapshot 't2' }, teardown = op.list() }",
			out, err, CAP);
	assert_null(strstr(fake.log, "capture_snapshot"));
	assert_non_null(strstr(fake.log, "list"));
}

static void steps_number_their_captures(void **state)
{
	char out[CAP], err[CAP];
	int code;

	fake_reset();
	code = run_script_text(
		HEAD "return ksnap.scenario { name = 'x', setup = op.capture_snapshot 'a',"
		     " step { op.capture_snapshot { 'b', step = 9 } },"
		     " loop { every = 0, times = 2, function(i) return op.capture_snapshot('c' .. "
		     "i) end } }",
		out, err, CAP);
	assert_int_equal(code, LUA_HOST_OK);
	assert_non_null(strstr(fake.log, "\"step\"=>0"));
	assert_non_null(strstr(fake.log, "\"elapsed_ms\"=>0"));
	assert_non_null(strstr(fake.log, "\"step\"=>9"));
	assert_non_null(strstr(fake.log, "\"step\"=>2"));
	assert_null(strstr(fake.log, "\"step\"=>1"));
	assert_non_null(strstr(fake.log, "\"c2\""));
	assert_null(strstr(fake.log, "\"c3\""));
}

static void what_was_attached_is_detached_in_reverse(void **state)
{
	char out[CAP], err[CAP];
	const char *a, *b;

	fake_reset();
	run_script_text(HEAD "return ksnap.scenario { name = 'x', setup = {\n"
			     "op.attach_object { 'scenario.lua', name = 'a' }, op.attach_object { "
			     "'scenario.lua', name = 'b' },"
			     "op.attach_object 'scenario.lua', op.detach_object 'scenario.lua' },"
			     "step { function() error 'boom' end } }",
			out, err, CAP);
	a = strstr(fake.log, "detach_object {\"name\"=>\"a\"}");
	b = strstr(fake.log, "detach_object {\"name\"=>\"b\"}");
	assert_non_null(strstr(fake.log, "bytes"));
	assert_true(a && b && b < a);
	b = strstr(fake.log, "detach_object {\"name\"=>\"scenario.lua\"}");
	assert_non_null(b);
	assert_null(strstr(b + 1, "detach_object {\"name\"=>\"scenario.lua\"}"));
}

static void a_failed_teardown_fails_the_scenario(void **state)
{
	char out[CAP], err[CAP];
	enum lua_host_exit code;

	fake_reset();
	fake.fail_op = "detach_object";
	code = run_script_text(
		HEAD
		"return ksnap.scenario { name = 'x', setup = op.attach_object 'scenario.lua' }",
		out, err, CAP);
	assert_int_equal(code, LUA_HOST_FAILED);
	assert_non_null(strstr(out, "detach_object scenario.lua: it broke; the broker undoes it, "
				    "as this session ends"));
}

static void sleeping_keeps_the_session_alive(void **state)
{
	char out[CAP], err[CAP];

	fake_reset();
	run_script_text(HEAD "return ksnap.scenario { name = 'x', step { hold = '10ms' } }", out,
			err, CAP);
	assert_non_null(strstr(fake.log, "ping"));
	fake_reset();
	run_script_text(HEAD "do local b <close> = ksnap.connect() end ksnap.sleep '10ms'", out,
			err, CAP);
	assert_null(strstr(fake.log, "ping"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripts_end_as_they_should),
		cmocka_unit_test(missing_file_is_a_script_error),
		cmocka_unit_test(a_failed_step_stops_the_next),
		cmocka_unit_test(steps_number_their_captures),
		cmocka_unit_test(what_was_attached_is_detached_in_reverse),
		cmocka_unit_test(a_failed_teardown_fails_the_scenario),
		cmocka_unit_test(sleeping_keeps_the_session_alive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
