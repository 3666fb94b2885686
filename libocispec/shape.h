/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Documents described by tables: one row per property, in the order of the specification, and one
 * engine that reads, checks, writes and compares by them. The tables are in oci_config.c and
 * oci_state.c; the public headers show none of this.
 */
#ifndef OCI_SHAPE_H
#define OCI_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"
#include "json_text.h"
#include "oci_config.h"

enum field_kind {
	K_STRING,      /* char * */
	K_BOOL,	       /* bool; false is not written unless the field is required */
	K_MAYBE_BOOL,  /* struct oci_maybe_bool */
	K_MAYBE_INT,   /* struct oci_maybe_int */
	K_MAYBE_UINT,  /* struct oci_maybe_uint */
	K_U32,	       /* uint32_t, always written */
	K_U64,	       /* uint64_t, always written */
	K_I64,	       /* int64_t, always written */
	K_STRINGS,     /* struct oci_strings */
	K_U32S,	       /* OCI_LIST(uint32_t) */
	K_PAIRS,       /* struct oci_pairs: a map from string to string */
	K_OBJECT,      /* a struct that begins with bool present */
	K_LIST,	       /* OCI_LIST of structs */
	K_MAP,	       /* OCI_LIST of structs whose first member is the key, char * */
	K_SKIP_STRING, /* checked to be a string, not kept */
	K_SKIP_OBJECT, /* checked to be an object, not kept: other platforms' parts */
};

struct shape;

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
	int64_t min; /* of integers */
	uint64_t max;
	bool required;		  /* strings and K_STRINGS: not empty either */
	bool keep_empty;	  /* an optional "" is kept; elsewhere it is the same as absent */
	const char *const *words; /* the only strings allowed, NULL at the end; for lists each */
	/* NULL when the string is fine, else what is expected ("an absolute path"). */
	const char *(*check)(const char *value);
	const struct shape *shape; /* K_OBJECT, K_LIST, K_MAP */
	const char *unique;	   /* K_LIST: the string member that no two elements share */
};

struct shape {
	size_t size; /* of the struct */
	const struct field *fields;
};

/* Rows that cannot disagree with the struct: a member of another type does not compile. `owner` and
 * `of` are struct tags; the nested table is found by its name, TAG_shape. */
#define SHAPE_IS(owner, member, type)                                                              \
	__builtin_types_compatible_p(__typeof__(((struct owner *)0)->member), type)
#define SHAPE_AT(owner, member, type)                                                              \
	(offsetof(struct owner, member) + 0 * sizeof(char[SHAPE_IS(owner, member, type) ? 1 : -1]))
#define SHAPE_ROW(text, k, owner, member, type, ...)                                               \
	{                                                                                          \
		.name = (text), .kind = (k), .offset = SHAPE_AT(owner, member, type), __VA_ARGS__  \
	}

#define STRING(text, owner, member, ...)                                                           \
	SHAPE_ROW(text, K_STRING, owner, member, char *, __VA_ARGS__)
#define BOOL(text, owner, member, ...) SHAPE_ROW(text, K_BOOL, owner, member, bool, __VA_ARGS__)
#define MAYBE_BOOL(text, owner, member, ...)                                                       \
	SHAPE_ROW(text, K_MAYBE_BOOL, owner, member, struct oci_maybe_bool, __VA_ARGS__)
#define MAYBE_INT(text, owner, member, lo, hi, ...)                                                \
	SHAPE_ROW(text, K_MAYBE_INT, owner, member, struct oci_maybe_int, .min = (lo),             \
		  .max = (hi), __VA_ARGS__)
#define MAYBE_UINT(text, owner, member, hi, ...)                                                   \
	SHAPE_ROW(text, K_MAYBE_UINT, owner, member, struct oci_maybe_uint, .max = (hi),           \
		  __VA_ARGS__)
#define U32(text, owner, member, ...)                                                              \
	SHAPE_ROW(text, K_U32, owner, member, uint32_t, .max = UINT32_MAX, __VA_ARGS__)
#define U64(text, owner, member, ...)                                                              \
	SHAPE_ROW(text, K_U64, owner, member, uint64_t, .max = UINT64_MAX, __VA_ARGS__)
#define I64(text, owner, member, ...)                                                              \
	SHAPE_ROW(text, K_I64, owner, member, int64_t, .min = INT64_MIN, .max = INT64_MAX,         \
		  __VA_ARGS__)
#define STRINGS(text, owner, member, ...)                                                          \
	SHAPE_ROW(text, K_STRINGS, owner, member, struct oci_strings, __VA_ARGS__)
#define U32S(text, owner, member, ...)                                                             \
	{                                                                                          \
		.name = (text), .kind = K_U32S, .offset = SHAPE_AT(owner, member.v, uint32_t *),   \
		.max = UINT32_MAX, __VA_ARGS__                                                     \
	}
#define PAIRS(text, owner, member, ...)                                                            \
	SHAPE_ROW(text, K_PAIRS, owner, member, struct oci_pairs, __VA_ARGS__)
#define OBJECT(text, owner, member, of, ...)                                                       \
	SHAPE_ROW(text, K_OBJECT, owner, member, struct of, .shape = &of##_shape, __VA_ARGS__)
#define LIST(text, owner, member, of, ...)                                                         \
	{                                                                                          \
		.name = (text), .kind = K_LIST, .offset = SHAPE_AT(owner, member.v, struct of *),  \
		.shape = &of##_shape, __VA_ARGS__                                                  \
	}
#define MAP(text, owner, member, of, ...)                                                          \
	{                                                                                          \
		.name = (text), .kind = K_MAP, .offset = SHAPE_AT(owner, member.v, struct of *),   \
		.shape = &of##_shape, __VA_ARGS__                                                  \
	}
#define SKIP_STRING(text)                                                                          \
	{                                                                                          \
		.name = (text), .kind = K_SKIP_STRING                                              \
	}
#define SKIP_OBJECT(text)                                                                          \
	{                                                                                          \
		.name = (text), .kind = K_SKIP_OBJECT                                              \
	}

#define SHAPE(tag, ...)                                                                            \
	const struct shape tag##_shape = {                                                         \
		sizeof(struct tag), (const struct field[]){ __VA_ARGS__, { .name = NULL } }        \
	}

/* The tables of whole documents. */
extern const struct shape oci_config_shape;
extern const struct shape oci_state_shape;
extern const struct shape oci_features_shape;

/* Reads a text by a table into *out, which the caller has zeroed; *doc then owns all that *out
 * points to. `code` is the code word of errors; report and results as in oci_config_read(), also
 * when reading fails: then *doc is NULL and *out zeroed, unless a report heard of everything. */
int shape_read_text(const struct shape *shape, void *out, struct oci_document **doc,
		    const char *text, size_t size, const char *code,
		    const struct oci_report *report, struct oci_error *err);

/* The same with a document whose text is filled in; where *doc becomes NULL it was freed. */
int shape_read(const struct shape *shape, void *out, struct oci_document **doc, const char *code,
	       const struct oci_report *report, struct oci_error *err);

/* Writes what is set, indented with tabs, a newline last. *text is malloc'ed. */
int shape_write(const struct shape *shape, const void *in, char **text, size_t *size,
		struct oci_error *err);

/* Whether two structs say the same. */
bool shape_equal(const struct shape *shape, const void *a, const void *b);

#endif
