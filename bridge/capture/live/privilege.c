// SPDX-License-Identifier: MIT
/* privilege.c - find out which capability is missing, and say it. */
#include "capture/live/privilege.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

static const struct {
	unsigned bit;
	const char *name;
} needed[] = {
	{ CAP_BPF, "CAP_BPF" },
	{ CAP_PERFMON, "CAP_PERFMON" },
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
};

static uint64_t effective_capabilities(void)
{
	FILE *f = fopen("/proc/thread-self/status", "re");
	uint64_t caps = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "CapEff: %" SCNx64, &caps) == 1)
			break;
	}
	if (f)
		fclose(f);
	return caps;
}

void privilege_missing(char *buf, size_t cap)
{
	uint64_t caps = effective_capabilities();
	size_t len = 0;

	buf[0] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (!(caps >> needed[i].bit & 1))
			len += snprintf(buf + len, cap - len, "%s%s", len ? ", " : "",
					needed[i].name);
	}
}

bool privilege_is_lacking(void)
{
	char missing[64];

	privilege_missing(missing, sizeof(missing));
	return missing[0];
}

int privilege_denied(struct ksnap_err *err, const char *what)
{
	char missing[64];

	privilege_missing(missing, sizeof(missing));
	if (!missing[0])
		return err_set(
			err, KSNAP_E_DENIED,
			"the kernel refused to %s although the capabilities are there: look for "
			"a container, seccomp or lockdown; --target fixture works without the "
			"kernel",
			what);
	return err_set(
		err, KSNAP_E_DENIED,
		"the kernel refused to %s: this process lacks %s (CAP_SYS_ADMIN finds maps by id, "
		"CAP_BPF + CAP_PERFMON load programs): run as root; --target fixture works without",
		what, missing);
}

int privilege_or_target(struct ksnap_err *err, int errnum, const char *what)
{
	if (errnum == EPERM || errnum == EACCES)
		return privilege_denied(err, what);
	return err_errno(err, KSNAP_E_TARGET, errnum, "cannot %s", what);
}
