/*
 * A host crashes by itself, in C. What happens is what happens without the
 * library: its own handler is called, if it has one, otherwise it dies of that
 * signal, with a core if it may, and nothing is printed.
 */
#include "host.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define MAILS 50

enum crash { NULL_POINTER, WRITE_PROTECTED, BUS_ERROR, DIVISION, TRAP, ABORT };
enum handler { NO_HANDLER, BEFORE_INIT, AFTER_INIT, ON_STACK };

struct scenario {
	enum crash crash;
	enum handler handler;
	int in_thread;
};

static char *page;	/* read-only */
static char *hole;	/* beyond the end of its file */
static void *volatile null_pointer;
static volatile int zero;
static volatile sig_atomic_t expected_signal;
static void *volatile expected_address;

static void crash(enum crash how)
{
	switch (how) {
	case NULL_POINTER:
		*(volatile int *)null_pointer = 1;
		break;
	case WRITE_PROTECTED:
		*(volatile char *)page = 1;
		break;
	case BUS_ERROR:
		*(volatile char *)hole = 1;
		break;
	case DIVISION:
		zero = 1 / zero;
		/* not all processors mind */
		raise(SIGFPE);
		break;
	case TRAP:
		raise(SIGTRAP);
		break;
	case ABORT:
		abort();
	}
}

static void handler(int signo, siginfo_t *info, void *context)
{
	(void)context;
	/* 42: as it should be */
	if (signo != expected_signal ||
	    (expected_address != NULL && info->si_addr != expected_address))
		_exit(43);
	_exit(42);
}

static void install(int flags)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGTRAP,
				      SIGABRT };
	struct sigaction action;
	unsigned int i;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = handler;
	action.sa_flags = SA_SIGINFO | flags;
	sigemptyset(&action.sa_mask);
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		CHECK(sigaction(faults[i], &action, NULL) == 0);
}

static void use_alternative_stack(void)
{
	stack_t stack;

	memset(&stack, 0, sizeof(stack));
	stack.ss_size = 65536;
	stack.ss_sp = malloc(stack.ss_size);
	CHECK(stack.ss_sp != NULL && sigaltstack(&stack, NULL) == 0);
}

static void *crash_in_thread(void *arg)
{
	const struct scenario *scenario = arg;

	if (scenario->handler == ON_STACK)
		use_alternative_stack();
	crash(scenario->crash);
	return NULL;
}

/* In a child: with the library or without it. */
static void run(const struct scenario *scenario, uint32_t backend,
		const char **paths, int with_library)
{
	static const int signals[] = { SIGSEGV, SIGSEGV, SIGBUS, SIGFPE,
				       SIGTRAP, SIGABRT };
	struct dbox_aio *ctx;
	pthread_t thread;

	alarm(20);
	expected_signal = signals[scenario->crash];
	expected_address = scenario->crash == WRITE_PROTECTED ? page :
		scenario->crash == BUS_ERROR ? hole : NULL;
	if (scenario->handler == BEFORE_INIT)
		install(0);
	if (scenario->handler == ON_STACK) {
		use_alternative_stack();
		install(SA_ONSTACK);
	}
	if (with_library) {
		ctx = host_init(backend);
		host_read_all(ctx, paths, MAILS);
	}
	if (scenario->handler == AFTER_INIT)
		install(0);
	if (!scenario->in_thread)
		crash(scenario->crash);
	else if (pthread_create(&thread, NULL, crash_in_thread,
				(void *)scenario) == 0)
		pthread_join(thread, NULL);
	_exit(99);
}

/* Returns the status as waitpid() gives it, WCOREDUMP() included. *printed_r:
   it wrote something. */
static int run_in_child(const struct scenario *scenario, uint32_t backend,
			const char **paths, int with_library, int *printed_r)
{
	int fds[2], status;
	char buf[1024];
	ssize_t size;
	pid_t pid;

	CHECK(pipe(fds) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
		run(scenario, backend, paths, with_library);
	}
	close(fds[1]);
	*printed_r = 0;
	while ((size = read(fds[0], buf, sizeof(buf))) > 0) {
		if (fwrite(buf, 1, size, stdout) > 0)
			*printed_r = 1;
	}
	close(fds[0]);
	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

int main(int argc, char *argv[])
{
	uint32_t backend = host_backend(argc, argv);
	const char **paths = host_mails(MAILS, 5000);
	const char *page_path = host_mail("page", 10000);
	struct scenario scenario;
	struct rlimit rlim;
	struct dbox_aio *ctx;
	int fd, control, status, printed, failed = 0;
	pid_t pid;

	/* is there such a backend? */
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		ctx = host_init(backend);
		host_deinit(&ctx);
		exit(0);
	}
	status = host_wait(pid);
	if (status != 0)
		return status;

	/* cores, where they go to files, are removed with the directory */
	CHECK(chdir(host_dir()) == 0);
	CHECK(getrlimit(RLIMIT_CORE, &rlim) == 0);
	rlim.rlim_cur = rlim.rlim_max;
	CHECK(setrlimit(RLIMIT_CORE, &rlim) == 0);
	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(page != MAP_FAILED);
	fd = open(page_path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	hole = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(hole != MAP_FAILED);
	hole += 32768;

	for (scenario.crash = NULL_POINTER; scenario.crash <= ABORT;
	     scenario.crash++) {
		for (scenario.handler = NO_HANDLER;
		     scenario.handler <= ON_STACK; scenario.handler++) {
			for (scenario.in_thread = 0; scenario.in_thread <= 1;
			     scenario.in_thread++) {
				control = run_in_child(&scenario, backend,
						       paths, 0, &printed);
				CHECK(!printed);
				status = run_in_child(&scenario, backend,
						      paths, 1, &printed);
				if (status == control && !printed)
					continue;
				printf("crash %d, handler %d, thread %d: "
				       "status 0x%x instead of 0x%x%s\n",
				       scenario.crash, scenario.handler,
				       scenario.in_thread, status, control,
				       printed ? ", and it printed this" : "");
				failed = 1;
			}
		}
	}
	return failed;
}
