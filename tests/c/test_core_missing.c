/* Without the core, or with one of another kind beside it, init says so, and
   succeeds when it is there. The library is loaded from a copy here. */
#include "check.h"

#include <dlfcn.h>

static int (*init)(struct dbox_aio **, const struct dbox_aio_options *);
static int (*deinit)(struct dbox_aio **);
static int (*last_error)(char *, size_t);

static void copy_file(const char *from, const char *to)
{
	char buf[65536];
	int in = open(from, O_RDONLY), out;
	ssize_t n;

	CHECK(in >= 0);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	CHECK(out >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		CHECK_INT(write(out, buf, (size_t)n), n);
	close(in);
	close(out);
}

static void refused(const char *word)
{
	struct dbox_aio *ctx;
	char text[600];

	CHECK_STATUS(init(&ctx, NULL), DBOX_AIO_ENOCORE);
	CHECK(ctx == NULL);
	CHECK(last_error(text, sizeof(text)) > 0);
	if (strstr(text, word) == NULL)
		FAIL("%s is not in: %s", word, text);
}

int main(int argc, char **argv)
{
	struct dbox_aio_options options = DBOX_AIO_OPTIONS_INIT;
	struct dbox_aio *ctx;
	char core[PATH_MAX + 64], *slash;
	const char *copy, *link, *core_copy;
	Dl_info info;
	void *library;
	int ret;

	check_begin(argc, argv);
	CHECK(dladdr((void *)(uintptr_t)dbox_aio_init, &info) != 0);
	CHECK(realpath(info.dli_fname, core) != NULL);
	copy = check_path("libdbox_aio.so.1.0.0");
	copy_file(core, copy);
	slash = strrchr(core, '/');
	strcpy(slash + 1, "libdbox_aio_core.so.1");

	/* Loaded by a link from elsewhere: the real file's folder counts. */
	CHECK_INT(mkdir(check_path("elsewhere"), 0755), 0);
	link = check_path("elsewhere/libdbox_aio.so.1");
	CHECK_INT(symlink("../libdbox_aio.so.1.0.0", link), 0);
	core_copy = check_path("libdbox_aio_core.so.1");
	setenv("DBOX_AIO_CORE", core, 1);
	setenv("LD_LIBRARY_PATH", check_dir, 1);

	library = dlmopen(LM_ID_BASE, link, RTLD_NOW | RTLD_LOCAL);
	CHECK(library != NULL);
	init = (int (*)(struct dbox_aio **, const struct dbox_aio_options *))
		(uintptr_t)dlsym(library, "dbox_aio_init");
	deinit = (int (*)(struct dbox_aio **))
		(uintptr_t)dlsym(library, "dbox_aio_deinit");
	last_error = (int (*)(char *, size_t))
		(uintptr_t)dlsym(library, "dbox_aio_last_error");
	CHECK(init != NULL && init != dbox_aio_init);
	refused("libdbox_aio_core.so.1");
	refused("libdbox_aio_core.so.1");

	copy_file("/dev/null", core_copy);
	refused("libdbox_aio_core.so.1");
	unlink(core_copy);

	copy_file(core, core_copy);
	options.backend = check_backend;
	ret = init(&ctx, &options);
	if (ret == DBOX_AIO_ENOTSUP)
		SKIP("no io_uring here");
	CHECK_STATUS(ret, 0);
	CHECK_STATUS(deinit(&ctx), 0);
	return 0;
}
