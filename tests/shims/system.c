/* A system that is not as it should be, for LD_PRELOAD.
 *
 * CLOCK_SHIFT=SECONDS  this process's clock is so much ahead of the kernel's
 * LOCKS=refused        no file can be locked
 * LOCKS=ignored        every lock is granted, and holds nothing
 * FILE_SYSTEM=NUMBER   every file system is of the kind that statfs(2) gives this number
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(clock, now);
    const char *shift = getenv("CLOCK_SHIFT");
    if (done == 0 && shift && clock == CLOCK_REALTIME)
        now->tv_sec += atol(shift);
    return done;
}

int flock(int file, int operation)
{
    int (*real)(int, int) = dlsym(RTLD_NEXT, "flock");
    const char *locks = getenv("LOCKS");
    if (!locks)
        return real(file, operation);
    if (strcmp(locks, "ignored") == 0)
        return 0;
    errno = ENOLCK;
    return -1;
}

/* Rust's statfs is no call of libc's that could be replaced. A filter turns the system call into a signal, whose handler makes the call again
 * with a word in a register that statfs does not look at, and the filter lets that one through. */
#define OURS 0x57175

static void on_statfs(int signal, siginfo_t *info, void *context)
{
    ucontext_t *caller = context;
#if defined(__x86_64__)
    long path = caller->uc_mcontext.gregs[REG_RDI], answer = caller->uc_mcontext.gregs[REG_RSI];
#elif defined(__aarch64__)
    long path = caller->uc_mcontext.regs[0], answer = caller->uc_mcontext.regs[1];
#else
#error "the registers of this processor are not known here"
#endif
    int before = errno;
    long done = syscall(SYS_statfs, path, answer, 0, 0, 0, OURS);
    if (done == 0)
        ((struct statfs *)answer)->f_type = strtol(getenv("FILE_SYSTEM"), NULL, 0);
    else
        done = -errno;
    errno = before;
#if defined(__x86_64__)
    caller->uc_mcontext.gregs[REG_RAX] = done;
#else
    caller->uc_mcontext.regs[0] = done;
#endif
}

__attribute__((constructor)) static void catch_statfs(void)
{
    if (!getenv("FILE_SYSTEM"))
        return;
    struct sigaction action = {.sa_sigaction = on_statfs, .sa_flags = SA_SIGINFO};
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_statfs, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OURS, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = sizeof(steps) / sizeof(steps[0]), .filter = steps};
    if (sigaction(SIGSYS, &action, NULL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
        abort();
}
