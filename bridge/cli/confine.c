// SPDX-License-Identifier: MIT
/* confine.c - capabilities, and a filter of system calls written by hand: some twenty numbers that
 * are refused need no library. A list of what is allowed would have to know all of libbpf, libzmq
 * and libc, and break with their next version. */
#include "cli/confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

#define BIT(cap) (1ull << (cap))

/* Maps, programs and types; hardware breakpoints; addresses in kallsyms; locked memory; programs of
 * the network; sockets of other processes (pidfd_getfd); cgroups and sockets of other users. */
#define CAPS_LIVE                                                                               \
	(BIT(CAP_SYS_ADMIN) | BIT(CAP_BPF) | BIT(CAP_PERFMON) | BIT(CAP_SYSLOG) |               \
	 BIT(CAP_SYS_RESOURCE) | BIT(CAP_IPC_LOCK) | BIT(CAP_NET_ADMIN) | BIT(CAP_SYS_PTRACE) | \
	 BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH))

static const struct {
	const char *kind;
	uint64_t caps;
} rows[] = {
	{ "live", CAPS_LIVE },
	{ "guest", BIT(CAP_DAC_OVERRIDE) },   /* socket and memory are those of who runs qemu */
	{ "core", BIT(CAP_DAC_OVERRIDE) },    /* the file may be another user's, as below */
	{ "fixture", BIT(CAP_DAC_OVERRIDE) }, /* the broker's socket may be another user's */
};

/* Refused with EPERM. */
static const uint32_t refused[] = {
	SYS_execve,
	SYS_execveat,
#ifndef __SANITIZE_ADDRESS__ /* whose search for leaks traces */
	SYS_ptrace,
#endif
	SYS_process_vm_writev,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_kexec_file_load,
	SYS_reboot,
	SYS_mount,
	SYS_umount2,
	SYS_move_mount,
	SYS_fsopen,
	SYS_pivot_root,
	SYS_chroot,
	SYS_setns,
	SYS_unshare,
	SYS_swapon,
	SYS_swapoff,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_adjtimex,
	SYS_clock_adjtime,
	SYS_acct,
	SYS_sethostname,
	SYS_setdomainname,
	SYS_add_key,
	SYS_request_key,
	SYS_keyctl,
	SYS_userfaultfd,
};

#if defined(__x86_64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCH AUDIT_ARCH_AARCH64
#endif

static int drop_caps(uint64_t keep, struct ksnap_err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (!(keep & BIT(cap)) && prctl(PR_CAPBSET_DROP, cap) && errno != EPERM &&
		    errno != EINVAL)
			return err_errno(err, KSNAP_E_INTERNAL, errno, "capability %d stays", cap);
	if (syscall(SYS_capget, &header, data))
		return err_errno(err, KSNAP_E_INTERNAL, errno, "capabilities cannot be read");
	for (int i = 0; i < 2; i++) {
		uint32_t mask = (uint32_t)(keep >> 32 * i);

		data[i].effective &= mask;
		data[i].permitted &= mask;
		data[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &header, data))
		return err_errno(err, KSNAP_E_INTERNAL, errno, "capabilities cannot be dropped");
	return 0;
}

#ifdef THIS_ARCH
/* Another architecture's numbers mean other calls: no such call returns. */
static int filter_calls(struct ksnap_err *err)
{
	struct sock_filter code[ARRAY_SIZE(refused) + 7];
	struct sock_fprog prog = { .filter = code };
	unsigned n = 0, left = ARRAY_SIZE(refused);

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, arch));
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	/* x32 has the calls of x86-64 once more. */
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000,
						 (uint8_t)(left + 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused[i],
							 (uint8_t)left--, 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	prog.len = (unsigned short)n;
	/* A kernel without seccomp has no filters to offer. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) && errno != EINVAL)
		return err_errno(err, KSNAP_E_INTERNAL, errno, "system calls are not filtered");
	return 0;
}
#else
static int filter_calls(struct ksnap_err *err)
{
	return 0;
}
#endif

int confine_worker(const char *target, struct ksnap_err *err)
{
	size_t len = strcspn(target, ":");
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strlen(rows[i].kind) != len || strncmp(rows[i].kind, target, len) != 0)
			continue;
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
			return err_errno(err, KSNAP_E_INTERNAL, errno, "no_new_privs");
		r = drop_caps(rows[i].caps, err);
		return r ? r : filter_calls(err);
	}
	return 0;
}
