/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The six lists of hooks, and the annotations that each hook's state document carries.
 */
#include <stdio.h>
#include <string.h>

#include "libocispec/json_text.h"
#include "plan/planner.h"

static int check_env(struct planner *p, const struct oci_strings *env, enum plan_hook_kind kind,
		     size_t index)
{
	for (size_t i = 0; i < env->n; i++) {
		const char *equals = strchr(env->v[i], '=');
		char pointer[80];

		if (equals && equals != env->v[i])
			continue;
		(void)snprintf(pointer, sizeof(pointer), "/hooks/%s/%zu/env/%zu",
			       plan_hook_names[kind], index, i);
		TRY(planner_refuse(p, PLAN_INVALID, pointer, "'%s' is not NAME=VALUE",
				   planner_shown(p, env->v[i])));
	}
	return 0;
}

static int plan_list(struct planner *p, const oci_hook_list *list, enum plan_hook_kind kind)
{
	struct arena *arena = &p->plan->arena;
	struct plan_hook *hooks = arena_array(arena, list->n, sizeof(*hooks));

	if (!hooks)
		return 0; /* remembered by the arena */
	for (size_t i = 0; i < list->n; i++) {
		const struct oci_hook *hook = &list->v[i];

		TRY(check_env(p, &hook->env, kind, i));
		hooks[i].path = hook->path;
		hooks[i].index = i;
		hooks[i].env = hook->env.v;
		hooks[i].args = hook->args.v;
		if (hook->args.n == 0) {
			char **args = arena_array(arena, 2, sizeof(*args));

			if (args)
				args[0] = hook->path;
			hooks[i].args = args;
		}
		hooks[i].timeout_ms = -1;
		if (hook->timeout.set)
			hooks[i].timeout_ms = hook->timeout.v > INT32_MAX / 1000
						      ? INT32_MAX
						      : (int)hook->timeout.v * 1000;
	}
	p->plan->hooks[kind] = (struct plan_hooks){ .list = hooks, .n = list->n };
	return 0;
}

/* text as a JSON string with its quotes, in the arena */
static int quoted(struct planner *p, const char *text, const char **out)
{
	struct json_text json;

	json_text_init(&json, false);
	json_text_string(&json, NULL, text);
	if (json_text_check(&json, p->err) < 0) {
		json_text_done(&json);
		return -1;
	}
	*out = arena_strdup(&p->plan->arena, json.text);
	json_text_done(&json);
	return 0;
}

static int plan_annotations(struct planner *p)
{
	const struct oci_pairs *pairs = &p->config->annotations;
	struct json_text out;

	if (pairs->n == 0)
		return 0;
	json_text_init(&out, false);
	json_text_open_object(&out, NULL);
	for (size_t i = 0; i < pairs->n; i++)
		json_text_string(&out, pairs->v[i].key, pairs->v[i].value);
	json_text_close_object(&out);
	if (json_text_check(&out, p->err) < 0) {
		json_text_done(&out);
		return -1;
	}
	p->plan->annotations = arena_strdup(&p->plan->arena, out.text);
	json_text_done(&out);
	return 0;
}

static bool any_hook(const struct plan *plan)
{
	for (int kind = 0; kind < HOOK_KINDS; kind++)
		if (plan->hooks[kind].n > 0)
			return true;
	return false;
}

/* Made here, since INIT has to write it and doesn't allocate. */
static int plan_hook_state(struct planner *p)
{
	struct plan *plan = p->plan;
	const char *id = NULL;
	const char *bundle = NULL;

	if (!any_hook(plan) || !p->request->id)
		return 0;
	TRY(quoted(p, p->request->id, &id));
	TRY(quoted(p, p->request->bundle, &bundle));
	plan->hook_state_head = arena_printf(
		&plan->arena, "{\"ociVersion\":\"" PLAN_SPEC_VERSION "\",\"id\":%s,\"status\":\"",
		id ? id : "");
	plan->hook_state_tail =
		arena_printf(&plan->arena, ",\"bundle\":%s%s%s}", bundle ? bundle : "",
			     plan->annotations ? ",\"annotations\":" : "",
			     plan->annotations ? plan->annotations : "");
	return 0;
}

int plan_hooks(struct planner *p)
{
	const struct oci_hooks *hooks = &p->config->hooks;
	const oci_hook_list *lists[HOOK_KINDS] = {
		[HOOK_PRESTART] = &hooks->prestart,
		[HOOK_CREATE_RUNTIME] = &hooks->create_runtime,
		[HOOK_CREATE_CONTAINER] = &hooks->create_container,
		[HOOK_START_CONTAINER] = &hooks->start_container,
		[HOOK_POSTSTART] = &hooks->poststart,
		[HOOK_POSTSTOP] = &hooks->poststop,
	};

	for (int kind = 0; kind < HOOK_KINDS; kind++)
		TRY(plan_list(p, lists[kind], (enum plan_hook_kind)kind));
	TRY(plan_annotations(p));
	return plan_hook_state(p);
}
