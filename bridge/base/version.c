// SPDX-License-Identifier: MIT
/* version.c - which release this is. */
#include "config.h"
#include "ksnap.h"

const char *ksnap_version(void)
{
	return PACKAGE_VERSION;
}
