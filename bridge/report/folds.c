// SPDX-License-Identifier: MIT
/* folds.c - one number out of the values of all CPUs. */
#include <string.h>

#include "base/error.h"
#include "report/snapshot.h"
#include "report/value.h"

enum fold { FOLD_SUM, FOLD_MIN, FOLD_MAX };

/* As large as any sum of 64-bit numbers of all CPUs. */
struct tally {
	bool is_float;
	i128 whole;
	double real;
	unsigned cpu;
};

static int read_number(const struct ksnap_value *v, struct tally *ret, struct ksnap_err *err)
{
	struct number n;
	int rc;

	*ret = (struct tally){ .is_float = value_row(v)->kind == TYPE_FLOAT };
	if (ret->is_float)
		return ksnap_value_f64(v, &ret->real, err);
	rc = value_number(v, &n, err);
	if (rc)
		return rc;
	if (n.is_negative ? (i128)n.value < INT64_MIN : n.value > UINT64_MAX)
		return err_set(err, KSNAP_E_ARG, "a number of a CPU does not fit into 64 bits");
	ret->whole = n.value;
	return 0;
}

static bool is_better(enum fold fold, const struct tally *a, const struct tally *b)
{
	bool is_less = a->is_float ? a->real < b->real : a->whole < b->whole;
	bool is_more = a->is_float ? a->real > b->real : a->whole > b->whole;

	return fold == FOLD_MIN ? is_less : is_more;
}

static void add(enum fold fold, struct tally *sum, const struct tally *one)
{
	if (fold != FOLD_SUM) {
		*sum = is_better(fold, one, sum) ? *one : *sum;
		return;
	}
	sum->whole += one->whole;
	sum->real += one->real;
}

static int give(const struct tally *t, struct ksnap_number *ret, struct ksnap_err *err)
{
	struct ksnap_number n = { .cpu = t->cpu };

	if (!t->is_float && (t->whole < INT64_MIN || t->whole > UINT64_MAX))
		return err_set(err, KSNAP_E_ARG, "the sum over the CPUs does not fit into 64 bits");
	if (t->is_float) {
		n.kind = KSNAP_NUMBER_F64;
		n.f64 = t->real;
	} else if (t->whole < 0) {
		n.kind = KSNAP_NUMBER_I64;
		n.i64 = t->whole;
	} else {
		n.kind = KSNAP_NUMBER_U64;
		n.u64 = t->whole;
	}
	*ret = n;
	return 0;
}

static int read_cpu(const struct ksnap_value *v, unsigned cpu, const char *path, struct tally *ret,
		    struct ksnap_err *err)
{
	struct ksnap_value one;
	int rc = ksnap_value_cpu(v, cpu, &one, err);

	if (!rc && path && *path)
		rc = ksnap_value_get(&one, path, &one, err);
	if (!rc)
		rc = read_number(&one, ret, err);
	ret->cpu = cpu;
	return rc;
}

static int fold_cpus(const struct ksnap_value *v, const char *path, enum fold fold,
		     struct ksnap_number *ret, struct ksnap_err *err)
{
	struct tally all, one;
	int rc;

	if (!v->ncpu)
		return err_set(err, KSNAP_E_ARG,
			       "this is one value, not one a CPU: read it, there is nothing to add "
			       "up or to compare");
	rc = read_cpu(v, 0, path, &all, err);
	for (unsigned cpu = 1; !rc && cpu < v->ncpu; cpu++) {
		rc = read_cpu(v, cpu, path, &one, err);
		if (!rc)
			add(fold, &all, &one);
	}
	return rc ? rc : give(&all, ret, err);
}

int ksnap_value_sum(const struct ksnap_value *v, const char *path, struct ksnap_number *ret,
		    struct ksnap_err *err)
{
	return fold_cpus(v, path, FOLD_SUM, ret, err);
}

int ksnap_value_min(const struct ksnap_value *v, const char *path, struct ksnap_number *ret,
		    struct ksnap_err *err)
{
	return fold_cpus(v, path, FOLD_MIN, ret, err);
}

int ksnap_value_max(const struct ksnap_value *v, const char *path, struct ksnap_number *ret,
		    struct ksnap_err *err)
{
	return fold_cpus(v, path, FOLD_MAX, ret, err);
}
