/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The device nodes that were planned: number, mode and owner. Where nodes could not be made, those
 * of the host are bound, and mode and owner are the host's.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "verify/place.h"

static const char *type_word(mode_t mode)
{
	return S_ISCHR(mode) ? "character device" : S_ISBLK(mode) ? "block device" : "fifo";
}

static bool is_device(mode_t mode)
{
	return S_ISCHR(mode) || S_ISBLK(mode);
}

static const char *node_text(char *buf, size_t size, mode_t mode, dev_t number)
{
	if (is_device(mode))
		(void)snprintf(buf, size, "%s %u:%u", type_word(mode), major(number),
			       minor(number));
	else
		(void)snprintf(buf, size, "%s", S_ISFIFO(mode) ? "fifo" : "no device");
	return buf;
}

/* What the image ships in the place of a default device was left, whatever it is; a device with
 * another number is none of those that the default rules are for. */
static void other_node(const struct verify *v, const char *pointer, const struct plan_device *d,
		       const struct place *place)
{
	char expected[64], found[64];

	verify_tell(v, d->is_default && !is_device(place->mode) ? VERIFY_LESS : VERIFY_DIFFERS,
		    pointer, SAY("device '%s'", d->path),
		    node_text(expected, sizeof(expected), d->mode, d->number),
		    node_text(found, sizeof(found), place->mode, place->rdev));
}

static void check_access(const struct verify *v, const char *pointer, const struct plan_device *d,
			 const struct place *place)
{
	unsigned asked = d->mode & 07777, found = place->mode & 07777;
	uid_t uid = verify_outside_uid(v, d->uid);
	gid_t gid = verify_outside_gid(v, d->gid);

	if (asked != found)
		verify_tell(v, found & ~asked ? VERIFY_DIFFERS : VERIFY_LESS,
			    SAY("%s/fileMode", pointer), SAY("device '%s'", d->path),
			    SAY("%04o", asked), SAY("%04o", found));
	if (place->uid != uid || place->gid != gid)
		verify_tell(v, VERIFY_DIFFERS, SAY("%s/uid", pointer), SAY("device '%s'", d->path),
			    SAY("owner %u:%u", uid, gid), SAY("%u:%u", place->uid, place->gid));
}

static void check(const struct verify *v, const struct plan_device *d)
{
	char pointer[64];
	struct place place;

	(void)snprintf(pointer, sizeof(pointer), "/linux/devices");
	if (!d->is_default)
		(void)snprintf(pointer, sizeof(pointer), "/linux/devices/%zu", d->index);
	if (place_look(v, d->path, true, &place) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			verify_tell(v, VERIFY_LESS, pointer, SAY("device '%s'", d->path), "a node",
				    "nothing");
		else
			verify_unchecked(v, pointer, SAY("device '%s'", d->path), strerror(errno));
		return;
	}
	if ((place.mode & S_IFMT) != (d->mode & S_IFMT) ||
	    (is_device(d->mode) && place.rdev != d->number))
		other_node(v, pointer, d, &place);
	else if (!place.is_mount && !d->in_bind && !d->is_default)
		check_access(v, pointer, d, &place);
	if (place.is_mount && place.mount)
		place.mount->claimed = true;
	place_done(&place);
}

int verify_devices(struct verify *v)
{
	for (size_t i = 0; i < v->plan->n_devices; i++)
		check(v, &v->plan->devices[i]);
	return 0;
}
