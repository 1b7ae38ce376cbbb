// SPDX-License-Identifier: MIT
/* diff_value.c - two values, part by part, by the names of the parts. */
#include <stdio.h>
#include <string.h>

#include "report/diff_state.h"
#include "report/value.h"

#define DEPTH_MAX  32
#define WORDS_FREE 8  /* letters of words that cost nothing */
#define BYTES_MAX  64 /* longest array of bytes that is one value */
#define KEY_WORD   64 /* longest key that a path names as a word */

/* ---- keys ---------------------------------------------------------------------------------- */

/* May it stand between brackets and be read as the same word? */
static bool is_word(const char *s, size_t len)
{
	if (!len || len >= KEY_WORD || (*s >= '0' && *s <= '9') || *s == '#' || *s == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (s[i] <= 0x20 || s[i] > 0x7e || strchr("[]\"\\:=", s[i]))
			return false;
	return true;
}

size_t diff_push_key(struct diff *d, const struct ksnap_value *key)
{
	size_t before = d->path.len;
	struct number n;
	char word[KEY_WORD];
	int len = ksnap_value_str(key, word, sizeof(word), NULL);

	if (!value_number(key, &n, NULL) && !n.is_negative && n.value <= UINT64_MAX)
		return diff_push(d, "[%llu]", (unsigned long long)n.value);
	if (!value_number(key, &n, NULL) && n.is_negative && (i128)n.value >= INT64_MIN)
		return diff_push(d, "[%lld]", (long long)n.value);
	if (len > 0 && is_word(word, len))
		return diff_push(d, "[%s]", word);
	diff_push(d, "[hex:");
	for (size_t i = 0; i < key->size; i++)
		diff_push(d, "%02x", key->data[i]);
	diff_push(d, "]");
	return before;
}

/* ---- pieces -------------------------------------------------------------------------------- */

bool diff_spend(struct diff *d, uint64_t n)
{
	if (d->left < n) {
		d->has_cut = true;
		d->left = 0;
		return false;
	}
	d->left -= n;
	return !d->rc;
}

bool diff_is_same(const struct diff *d, const struct ksnap_value *a, const struct ksnap_value *b)
{
	size_t len_a = a->ncpu ? (a->ncpu - 1) * a->stride + a->size : a->size;
	size_t len_b = b->ncpu ? (b->ncpu - 1) * b->stride + b->size : b->size;

	return d->alike && d->same_order && !diff_leads_on(d, a->type) && !a->bit_size &&
	       !b->bit_size && a->ncpu == b->ncpu && a->stride == b->stride && len_a == len_b &&
	       !memcmp(a->data, b->data, len_a);
}

/* A part that may be on one side only. */
static void diff_part(struct diff *d, const struct ksnap_value *a, const struct ksnap_value *b,
		      unsigned depth)
{
	if (a && b)
		diff_value(d, a, b, depth);
	else
		diff_tell_one(d, KSNAP_CHANGE_VALUE, a, b);
}

/* ---- leaves -------------------------------------------------------------------------------- */

static void tell_changed(struct diff *d, const struct ksnap_value *a, const struct ksnap_value *b,
			 const char *delta)
{
	diff_tell(d, &(struct ksnap_change){
			     .kind = KSNAP_CHANGE_CHANGED,
			     .what = KSNAP_CHANGE_VALUE,
			     .a = a,
			     .b = b,
			     .delta = delta,
		     });
}

/* Do two of them have a difference that means something? */
static bool is_countable(const struct ksnap_value *v)
{
	const struct type_row *row = value_row(v);

	return v->type == TYPE_NONE || (row->kind == TYPE_INT && row->enc != TYPE_BOOL);
}

static void diff_numbers(struct diff *d, const struct ksnap_value *a, const struct ksnap_value *b,
			 const struct number *na, const struct number *nb)
{
	char delta[DIGITS_MAX + 2] = "+";
	bool is_more = na->is_negative != nb->is_negative ? na->is_negative
		       : na->is_negative                  ? (i128)nb->value > (i128)na->value
							  : nb->value > na->value;
	u128 by = is_more ? nb->value - na->value : na->value - nb->value;
	size_t len;

	if (na->is_negative == nb->is_negative && na->value == nb->value)
		return;
	if (!is_countable(a) || !is_countable(b)) {
		tell_changed(d, a, b, NULL);
		return;
	}
	*delta = is_more ? '+' : '-';
	len = digits_wide((uint8_t *)delta + 1, by, false);
	delta[1 + len] = '\0';
	tell_changed(d, a, b, delta);
}

static bool read_real(const struct ksnap_value *v, double *ret)
{
	return value_row(v)->kind == TYPE_FLOAT && !ksnap_value_f64(v, ret, NULL);
}

static void diff_reals(struct diff *d, const struct ksnap_value *a, const struct ksnap_value *b,
		       double ra, double rb)
{
	char delta[DIGITS_MAX + 2] = "+";
	double by = rb - ra;
	size_t len;

	if (ra == rb || (ra != ra && rb != rb))
		return;
	len = digits_real(by < 0 ? delta : delta + 1, by, false) + (by < 0 ? 0 : 1);
	delta[len] = '\0';
	tell_changed(d, a, b, by - by == 0 ? delta : NULL);
}

/* What nothing else can compare is the same when it reads the same. */
static void diff_words(struct diff *d, const struct ksnap_value *a, const struct ksnap_value *b)
{
	buf_clear(&d->text_a);
	buf_clear(&d->text_b);
	if (render_value_text(a, NULL, &d->text_a) || render_value_text(b, NULL, &d->text_b)) {
		d->rc = KSNAP_E_NOMEM;
		return;
	}
	diff_spend(d, (d->text_a.len + d->text_b.len) / WORDS_FREE);
	if (d->text_a.len != d->text_b.len ||
	    memcmp(d->text_a.data, d->text_b.data, d->text_a.len) != 0)
		tell_changed(d, a, b, NULL);
}

static void diff_leaf(struct diff *d, const struct ksnap_value *a, const struct ksnap_value *b)
{
	struct number na, nb;
	double ra, rb;

	if (!value_number(a, &na, NULL) && !value_number(b, &nb, NULL))
		diff_numbers(d, a, b, &na, &nb);
	else if (read_real(a, &ra) && read_real(b, &rb))
		diff_reals(d, a, b, ra, rb);
	else if (a->type != TYPE_NONE || b->type != TYPE_NONE || a->size != b->size ||
		 memcmp(a->data, b->data, a->size) != 0)
		diff_words(d, a, b);
}

/* Another address is another object, but for that of another boot, which says nothing. */
static void diff_pointers(struct diff *d, const struct ksnap_value *a, const struct ksnap_value *b)
{
	diff_leaf(d, a, b);
	diff_follow(d, a, b);
}

/* ---- arrays and CPUs ----------------------------------------------------------------------- */

/* Elements that are there, the last one perhaps in part. */
static uint64_t elements(const struct ksnap_value *v, const struct form *f)
{
	uint64_t there = v->size / f->each + (v->size % f->each > 0);

	return f->row->len && f->row->len < there ? f->row->len : there;
}

static bool element(const struct ksnap_value *v, const struct form *f, uint64_t i,
		    struct ksnap_value *ret)
{
	uint64_t off = i * f->each;

	if (i >= elements(v, f))
		return false;
	*ret = (struct ksnap_value){ .snap = v->snap,
				     .data = v->data + off,
				     .size = v->size - off < f->each ? v->size - off : f->each,
				     .type = f->row->target };
	return true;
}

static void diff_array(struct diff *d, const struct ksnap_value *a, const struct ksnap_value *b,
		       const struct form *fa, const struct form *fb, unsigned depth)
{
	uint64_t na = elements(a, fa), nb = elements(b, fb);
	struct ksnap_value ea, eb;

	for (uint64_t i = 0; (i < na || i < nb) && !d->rc; i++) {
		bool in_a = element(a, fa, i, &ea), in_b = element(b, fb, i, &eb);
		size_t before;

		if (in_a && in_b && diff_is_same(d, &ea, &eb))
			continue;
		before = diff_push(d, "[%llu]", (unsigned long long)i);
		diff_part(d, in_a ? &ea : NULL, in_b ? &eb : NULL, depth + 1);
		d->path.len = before;
	}
}

static void diff_cpus(struct diff *d, const struct ksnap_value *a, const struct ksnap_value *b,
		      unsigned depth)
{
	struct ksnap_value ca, cb;

	for (unsigned cpu = 0; (cpu < a->ncpu || cpu < b->ncpu) && !d->rc; cpu++) {
		bool in_a = !ksnap_value_cpu(a, cpu, &ca, NULL);
		bool in_b = !ksnap_value_cpu(b, cpu, &cb, NULL);
		size_t before = diff_push(d, "[cpu=%u]", cpu);

		diff_part(d, in_a ? &ca : NULL, in_b ? &cb : NULL, depth);
		d->path.len = before;
	}
}

/* ---- records ------------------------------------------------------------------------------- */

/* Two records at one place. @other is the form beside the level at hand, where the member of the
 * same name most likely is; NULL: none. */
struct records {
	const struct ksnap_value *a, *b;
	struct forms *fa, *fb;
	bool is_back; /* only what @b alone has is of interest: a and b are swapped */
	unsigned depth;
};

/* Where record @b has the member @name; *next guesses, and is then behind it. */
static const struct type_member *counterpart(struct diff *d, const struct records *r,
					     const struct label *name, const struct form *other,
					     uint64_t base, uint32_t *next, uint64_t *ret_off)
{
	if (other && *next < other->nmembers) {
		const struct label *guess = &other->members[*next].label;

		if (guess->name && guess->len == name->len &&
		    !memcmp(guess->name, name->name, name->len)) {
			*ret_off = base + other->members[*next].bit_off;
			return &other->row->members[(*next)++];
		}
	}
	if (!diff_spend(d, value_row(r->b)->nmembers))
		return NULL;
	return member_find(r->b->snap->types, r->b->type, name->name, name->len, ret_off);
}

static void diff_member(struct diff *d, const struct records *r, const struct type_member *ma,
			uint64_t off_a, const struct type_member *mb, uint64_t off_b,
			const char *name)
{
	bool is_first = d->path.len && d->path.data[d->path.len - 1] == ':';
	struct ksnap_value a, b;
	size_t before;

	if (d->rc || d->has_cut || (r->is_back && mb))
		return;
	value_member(r->a, ma, off_a, &a);
	if (mb)
		value_member(r->b, mb, off_b, &b);
	if (mb && diff_is_same(d, &a, &b))
		return;
	before = diff_push(d, is_first ? "%s" : ".%s", name);
	if (r->is_back)
		diff_part(d, NULL, &a, r->depth);
	else
		diff_part(d, &a, mb ? &b : NULL, r->depth);
	d->path.len = before;
}

/* The members of @form, which begins @off_a bits within r->a, against those of r->b. */
static void diff_members(struct diff *d, const struct records *r, const struct form *form,
			 uint64_t off_a, const struct form *other, uint64_t off_b, unsigned level)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < form->nmembers && diff_spend(d, 1); i++) {
		const struct form_member *m = &form->members[i];
		const struct form *sub = form_of(r->fa, m->type), *beside = NULL;
		const struct type_member *mb;
		uint64_t at = 0;

		if (!m->label.name && sub->class == FORM_RECORD && level < DEPTH_MAX) {
			if (other && next < other->nmembers && !other->members[next].label.name) {
				beside = form_of(r->fb, other->members[next].type);
				at = off_b + other->members[next++].bit_off;
			}
			diff_members(d, r, sub, off_a + m->bit_off,
				     beside && beside->class == FORM_RECORD ? beside : NULL, at,
				     level + 1);
		} else if (m->label.name) {
			mb = counterpart(d, r, &m->label, other, off_b, &next, &at);
			diff_member(d, r, &form->row->members[i], off_a + m->bit_off, mb, at,
				    m->label.name);
		}
	}
}

static void diff_records(struct diff *d, const struct ksnap_value *a, const struct ksnap_value *b,
			 const struct form *fa, const struct form *fb, unsigned depth)
{
	struct records there = { a, b, &d->fa, &d->fb, false, depth + 1 };
	struct records back = { b, a, &d->fb, &d->fa, true, depth + 1 };

	diff_members(d, &there, fa, 0, fb, 0, 0);
	if (!d->alike)
		diff_members(d, &back, fb, 0, fa, 0, 0);
}

/* ---- any value ----------------------------------------------------------------------------- */

/* Is it told element by element? Few bytes, such as a MAC address, are one value, and so is text;
 * of long ones words would not show all. */
static bool is_array(const struct form *f)
{
	if (f->class == FORM_TEXT)
		return f->row->len > WALK_ELEMENTS;
	return f->class == FORM_ARRAY && f->each > 0 &&
	       (f->each > 1 || !f->row->len || f->row->len > BYTES_MAX);
}

void diff_value(struct diff *d, const struct ksnap_value *a, const struct ksnap_value *b,
		unsigned depth)
{
	const struct form *fa = form_of(&d->fa, a->type), *fb = form_of(&d->fb, b->type);

	if (diff_is_same(d, a, b) || !diff_spend(d, 1))
		return;
	if (depth >= DEPTH_MAX)
		diff_spend(d, UINT64_MAX); /* no honest type is so deep */
	else if (a->ncpu && b->ncpu)
		diff_cpus(d, a, b, depth);
	else if (a->ncpu || b->ncpu || a->bit_size || b->bit_size)
		diff_leaf(d, a, b);
	else if (fa->class == FORM_RECORD && fb->class == FORM_RECORD)
		diff_records(d, a, b, fa, fb, depth);
	else if (is_array(fa) && is_array(fb))
		diff_array(d, a, b, fa, fb, depth);
	else if (fa->class == FORM_PTR && fb->class == FORM_PTR)
		diff_pointers(d, a, b);
	else
		diff_leaf(d, a, b);
}
