// SPDX-License-Identifier: MIT
/* driver.c - libFuzzer's entry; FUZZ names the function of targets.h. */
#include "targets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	return FUZZ(data, len);
}
