// SPDX-License-Identifier: MIT
/* shapes_test.c - operations are found by their whole names, and all tables are sound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "wire/shapes.h"

static void names_that_are_no_operation(void **state)
{
	static const char *const names[] = {
		"", "pin", "pingx", "PING", "capture_snapshot_params", " ping"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_null(wire_op_find(wire_slice_of(names[i])));
	assert_null(wire_op_find((struct wire_slice){ NULL, 0 }));
	assert_null(wire_op_find((struct wire_slice){ "ping\0", 5 }));
}

static void each_operation_is_found(void **state)
{
	for (size_t i = 0; i < OP_COUNT; i++) {
		const struct wire_op *op = &wire_ops[i];

		assert_ptr_equal(wire_op_find(wire_slice_of(op->name)), op);
		assert_true(op->number > 0 && op->since > 0 && op->params && op->reply &&
			    *op->summary);
		assert_non_null(wire_right_name(op->right));
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(op->number, wire_ops[j].number);
	}
	assert_ptr_equal(wire_op_find((struct wire_slice){ "pingpong", 4 }), &wire_ops[OP_ping]);
}

static void rights_have_their_names(void **state)
{
	assert_string_equal(wire_right_name(RIGHT_OBSERVE), "observe");
	assert_string_equal(wire_right_name(RIGHT_ADMIN), "admin");
	assert_int_equal(wire_ops[OP_capture_snapshot].right, RIGHT_CAPTURE);
	assert_int_equal(wire_ops[OP_capture_snapshot].number, 201);
}

static void check_shape(const struct wire_shape *shape)
{
	assert_true(shape->nfields <= WIRE_FIELDS_MAX);
	if (shape->bare)
		assert_int_equal(shape->nfields, 1);
	for (size_t i = 0; i < shape->nfields; i++) {
		const struct wire_field *f = &shape->fields[i];

		assert_true(f->offset < shape->size && f->has_offset < shape->size);
		assert_true(!f->max || f->min <= f->max);
		if (f->kind == WIRE_MAP || (f->kind == WIRE_LIST && f->item == WIRE_MAP))
			check_shape(f->shape);
		else
			assert_null(f->shape);
	}
}

static void tables_are_sound(void **state)
{
	for (size_t i = 0; i < OP_COUNT; i++) {
		check_shape(wire_ops[i].params);
		check_shape(wire_ops[i].reply);
	}
	check_shape(&wire_shape_request_envelope);
	check_shape(&wire_shape_reply_envelope);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_are_no_operation),
		cmocka_unit_test(each_operation_is_found),
		cmocka_unit_test(rights_have_their_names),
		cmocka_unit_test(tables_are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
