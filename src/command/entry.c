/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where the kernel enters a static hull on x86-64, before the C library. What create, run and exec
 * do first, to execute a read-only clone of hull's own binary (sequence/protect.c), is done here
 * already: the C library's start would be spent twice, and it costs more than all the rest of an
 * exec inside a virtual machine, where each of its dozens of CPUID instructions traps.
 *
 * This is a short cut and guards nothing: whatever fails here is left to protect.c, which looks for
 * itself, has the ways around, and tells. Nothing is relocated yet, and there are no thread-local
 * variables: no library function, no pointer in a table, no errno, no stack protector.
 */
#include <asm/unistd.h>
#include <elf.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/statfs.h>

/* The kernel leaves argc, argv and envp on the stack, and in rdx what libc's own entry wants. */
__asm__(".text\n"
	".globl hull_entry\n"
	".type hull_entry, @function\n"
	"hull_entry:\n"
	"	endbr64\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rbx\n"
	"	mov %rdx, %r12\n"
	"	mov %rsp, %rdi\n"
	"	call hull_before_libc\n"
	"	mov %r12, %rdx\n"
	"	mov %rbx, %rsp\n"
	"	jmp _start\n"
	".size hull_entry, . - hull_entry\n");

static long call(long number, long a, long b, long c, long d, long e)
{
	long result;
	register long fourth __asm__("r10") = d;
	register long fifth __asm__("r8") = e;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
			 : "rcx", "r11", "memory");
	return result;
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* A word of these may be something else; then hull is executed once too often, and all is well. */
static bool asks_for_protection(char *const *argv)
{
	for (; *argv; argv++)
		if (same(*argv, "create") || same(*argv, "run") || same(*argv, "exec"))
			return true;
	return false;
}

/* The name that this was executed by stands in the auxiliary vector, behind the environment. */
static bool executed_by_fd(char **envp)
{
	const unsigned long *aux;
	const char *name = NULL;

	while (*envp)
		envp++;
	for (aux = (const unsigned long *)(envp + 1); aux[0] != AT_NULL; aux += 2)
		if (aux[0] == AT_EXECFN)
			name = (const char *)aux[1];
	for (const char *expected = "/dev/fd/"; *expected; expected++, name++)
		if (!name || *name != *expected)
			return false;
	return true;
}

__attribute__((used, no_stack_protector)) void hull_before_libc(long *stack);

void hull_before_libc(long *stack)
{
	static const char self[] = "/proc/self/exe";
	char **argv = (char **)(stack + 1);
	char **envp = argv + stack[0] + 1;
	struct mount_attr read_only;
	struct statfs st;
	long tree;

	if (!asks_for_protection(argv))
		return;
	if (executed_by_fd(envp) && (call(__NR_statfs, (long)self, (long)&st, 0, 0, 0) < 0 ||
				     (st.f_flags & 1 /* ST_RDONLY */)))
		return; /* this is the clone already */
	tree = call(__NR_open_tree, AT_FDCWD, (long)self, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC, 0,
		    0);
	if (tree < 0)
		return;
	read_only.attr_set = MOUNT_ATTR_RDONLY;
	read_only.attr_clr = read_only.propagation = read_only.userns_fd = 0;
	if (call(__NR_mount_setattr, tree, (long)"", AT_EMPTY_PATH, (long)&read_only,
		 sizeof(read_only)) == 0)
		(void)call(__NR_execveat, tree, (long)"", (long)argv, (long)envp, AT_EMPTY_PATH);
	(void)call(__NR_close, tree, 0, 0, 0, 0);
}
