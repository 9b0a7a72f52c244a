/* spool.c: the walk through the directories of a spool */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "dboxaio.h"
#include "spool.h"

/* So many threads read directories, for storage that takes its time. */
#define WALKERS 8
/* Entries found that wait to be taken; then the walkers wait. */
#define ENTRIES_MAX 1024
/* Directories found that wait for a walker; what finds more walks them
   itself, each with a descriptor open. */
#define DIRS_MAX 512
#define DEPTH_MAX 40

/* Dovecot puts this link into the root of a store that has an alternative
   storage, DBOX_ALT_SYMLINK_NAME in its dbox-storage.h. */
#define ALT_LINK "dbox-alt-root"

struct directory {
	char *path;
	double share;
	bool root, alternative;
};

struct spool {
	struct spool_options options;
	char *const *roots;
	/* resolved, to see whether an alternative storage lies below one */
	char **real_roots;
	unsigned int roots_count;
	int fd;

	pthread_mutex_t lock;
	pthread_cond_t dir_added, entry_taken;
	struct directory dirs[DIRS_MAX];
	unsigned int dirs_count, next_root;
	struct spool_entry entries[ENTRIES_MAX];
	unsigned int first, count;
	unsigned int busy;	/* walkers inside a directory */
	double empty_share;
};

static void *need(void *memory)
{
	if (memory == NULL)
		tool_die("out of memory");
	return memory;
}

static void wake(const struct spool *spool)
{
	uint64_t one = 1;

	/* fails only if it is set 2^64 - 1 times already */
	if (write(spool->fd, &one, sizeof(one)) < 0)
		return;
}

/* Hands an entry over; waits while there are too many. path passes to it. */
static void add_entry(struct spool *spool, char *path, int error, double share)
{
	struct spool_entry *entry;

	pthread_mutex_lock(&spool->lock);
	while (spool->count == ENTRIES_MAX)
		pthread_cond_wait(&spool->entry_taken, &spool->lock);
	entry = &spool->entries[(spool->first + spool->count) % ENTRIES_MAX];
	entry->path = path;
	entry->error = error;
	entry->share = share;
	if (spool->count++ == 0)
		wake(spool);
	pthread_mutex_unlock(&spool->lock);
}

/* Leaves a directory to whichever walker is free. false: there are too many
   already. */
static bool add_dir(struct spool *spool, const struct directory *dir)
{
	bool added;

	pthread_mutex_lock(&spool->lock);
	added = spool->dirs_count < DIRS_MAX;
	if (added) {
		spool->dirs[spool->dirs_count++] = *dir;
		pthread_cond_signal(&spool->dir_added);
	}
	pthread_mutex_unlock(&spool->lock);
	return added;
}

/* u.<uid> and m.<id>. Dovecot's other files in these directories have other
   names: temporary ones, locks, and files that it has set aside. */
static bool is_mail_name(const char *name)
{
	if ((name[0] != 'u' && name[0] != 'm') || name[1] != '.')
		return false;
	for (name += 2; isdigit((unsigned char)*name); name++) ;
	return *name == '\0' && isdigit((unsigned char)name[-1]);
}

enum kind { KIND_NONE, KIND_DIR, KIND_MAIL, KIND_ALT };

static enum kind kind_of(const struct spool *spool, const struct directory *in,
			 DIR *dir, const struct dirent *d)
{
	unsigned char type = d->d_type;
	struct stat st;

	if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
		return KIND_NONE;
	if (type == DT_UNKNOWN) {
		if (fstatat(dirfd(dir), d->d_name, &st,
			    AT_SYMLINK_NOFOLLOW) < 0)
			return KIND_NONE;	/* it is gone */
		type = S_ISDIR(st.st_mode) ? DT_DIR :
			S_ISLNK(st.st_mode) ? DT_LNK : DT_REG;
	}
	if (type == DT_DIR)
		return KIND_DIR;
	if (type == DT_LNK && spool->options.alternatives &&
	    !in->alternative && strcmp(d->d_name, ALT_LINK) == 0)
		return KIND_ALT;
	/* What else has such a name and can't be read is told as well. */
	return is_mail_name(d->d_name) ? KIND_MAIL : KIND_NONE;
}

/* Whether what lies there will be found without the link. */
static bool is_below_root(const struct spool *spool, const char *path)
{
	unsigned int i;
	size_t length;

	for (i = 0; i < spool->roots_count; i++) {
		if (spool->real_roots[i] == NULL)
			continue;
		length = strlen(spool->real_roots[i]);
		if (strncmp(path, spool->real_roots[i], length) == 0 &&
		    (path[length] == '/' || path[length] == '\0' ||
		     length == 1))
			return true;
	}
	return false;
}

static void walk(struct spool *spool, const struct directory *in,
		 unsigned int depth);

static void walk_below(struct spool *spool, const struct directory *dir,
		       unsigned int depth)
{
	if (add_dir(spool, dir))
		return;
	if (depth == DEPTH_MAX) {
		add_entry(spool, dir->path, ELOOP, dir->share);
		return;
	}
	walk(spool, dir, depth + 1);
	free(dir->path);
}

static void walk_alternative(struct spool *spool, char *link, double share,
			     unsigned int depth)
{
	struct directory dir = { NULL, share, false, true };

	dir.path = realpath(link, NULL);
	if (dir.path != NULL && !is_below_root(spool, dir.path)) {
		free(link);
		walk_below(spool, &dir, depth);
		return;
	}
	/* Dovecot makes the link before the directory. */
	if (dir.path == NULL && errno != ENOENT) {
		add_entry(spool, link, errno, share);
		return;
	}
	free(dir.path);
	free(link);
	pthread_mutex_lock(&spool->lock);
	spool->empty_share += share;
	pthread_mutex_unlock(&spool->lock);
}

static unsigned int count_entries(const struct spool *spool,
				  const struct directory *in, DIR *dir)
{
	const struct dirent *d;
	unsigned int n = 0;

	while ((d = readdir(dir)) != NULL)
		n += kind_of(spool, in, dir, d) != KIND_NONE;
	rewinddir(dir);
	return n;
}

static DIR *open_dir(struct spool *spool, const struct directory *in)
{
	struct stat st;
	DIR *dir = opendir(in->path);
	int error = errno;

	if (dir != NULL)
		return dir;
	if (in->root && error == ENOTDIR)
		error = stat(in->path, &st) < 0 ? errno : 0;
	else if (!in->root && (error == ENOENT || error == ENOTDIR))
		return NULL;	/* a live server removes directories */
	add_entry(spool, need(strdup(in->path)), error, in->share);
	return NULL;
}

static void walk(struct spool *spool, const struct directory *in,
		 unsigned int depth)
{
	struct directory sub = { NULL, 0, false, in->alternative };
	const char *slash;
	const struct dirent *d;
	double left = in->share;
	enum kind kind;
	char *path;
	DIR *dir;

	dir = open_dir(spool, in);
	if (dir == NULL)
		return;
	if (spool->options.shares) {
		unsigned int n = count_entries(spool, in, dir);

		sub.share = n > 0 ? in->share / n : 0;
	}
	slash = in->path[strlen(in->path) - 1] == '/' ? "" : "/";
	for (;;) {
		errno = 0;
		d = readdir(dir);
		if (d == NULL)
			break;
		kind = kind_of(spool, in, dir, d);
		if (kind == KIND_NONE)
			continue;
		if (asprintf(&path, "%s%s%s", in->path, slash, d->d_name) < 0)
			need(NULL);
		left -= sub.share;
		sub.path = path;
		if (kind == KIND_DIR)
			walk_below(spool, &sub, depth);
		else if (kind == KIND_ALT)
			walk_alternative(spool, path, sub.share, depth);
		else
			add_entry(spool, path, 0, sub.share);
	}
	if (errno != 0)
		add_entry(spool, need(strdup(in->path)), errno, 0);
	closedir(dir);
	/* also what rounding has left, and what vanished between the passes */
	pthread_mutex_lock(&spool->lock);
	spool->empty_share += left;
	pthread_mutex_unlock(&spool->lock);
}

/* Whether a walker finds something to do. With the lock. */
static bool has_dir(const struct spool *spool)
{
	return spool->dirs_count > 0 || spool->next_root < spool->roots_count;
}

/* A root is begun when what was found below the ones before is taken. */
static struct directory next_dir(struct spool *spool)
{
	struct directory dir = { NULL, 1.0 / spool->roots_count, true, false };

	if (spool->dirs_count > 0)
		return spool->dirs[--spool->dirs_count];
	dir.path = need(strdup(spool->roots[spool->next_root++]));
	return dir;
}

static void *walker(void *arg)
{
	struct spool *spool = arg;
	struct directory dir;

	pthread_mutex_lock(&spool->lock);
	for (;;) {
		while (!has_dir(spool) && spool->busy > 0)
			pthread_cond_wait(&spool->dir_added, &spool->lock);
		if (!has_dir(spool))
			break;
		dir = next_dir(spool);
		spool->busy++;
		pthread_mutex_unlock(&spool->lock);
		walk(spool, &dir, 0);
		free(dir.path);
		pthread_mutex_lock(&spool->lock);
		spool->busy--;
	}
	pthread_cond_broadcast(&spool->dir_added);
	wake(spool);
	pthread_mutex_unlock(&spool->lock);
	return NULL;
}

struct spool *spool_start(char *const *roots, unsigned int count,
			  const struct spool_options *options)
{
	struct spool *spool = need(calloc(1, sizeof(*spool)));
	unsigned int i, started = 0;
	sigset_t all, old;
	pthread_t thread;

	spool->options = *options;
	spool->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (spool->fd < 0)
		tool_die("eventfd: %s", strerror(errno));
	pthread_mutex_init(&spool->lock, NULL);
	pthread_cond_init(&spool->dir_added, NULL);
	pthread_cond_init(&spool->entry_taken, NULL);
	spool->roots = roots;
	spool->real_roots = need(calloc(count, sizeof(*spool->real_roots)));
	spool->roots_count = count;
	for (i = 0; i < count; i++)
		spool->real_roots[i] = realpath(roots[i], NULL);
	/* the main thread takes the signals */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (i = 0; i < WALKERS; i++) {
		if (pthread_create(&thread, NULL, walker, spool) == 0) {
			pthread_detach(thread);
			started++;
		}
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return started > 0 ? spool : NULL;
}

int spool_fd(const struct spool *spool)
{
	return spool->fd;
}

int spool_next(struct spool *spool, struct spool_entry *entry_r)
{
	uint64_t count;
	int ret = 1;

	pthread_mutex_lock(&spool->lock);
	if (spool->count > 0) {
		*entry_r = spool->entries[spool->first];
		spool->first = (spool->first + 1) % ENTRIES_MAX;
		if (spool->count-- == ENTRIES_MAX)
			pthread_cond_broadcast(&spool->entry_taken);
	} else {
		ret = !has_dir(spool) && spool->busy == 0 ? -1 : 0;
	}
	if (spool->count == 0 && ret == 0 &&
	    read(spool->fd, &count, sizeof(count)) < 0)
		ret = 0;	/* it was not set */
	pthread_mutex_unlock(&spool->lock);
	return ret;
}

double spool_empty_share(struct spool *spool)
{
	double share;

	pthread_mutex_lock(&spool->lock);
	share = spool->empty_share;
	pthread_mutex_unlock(&spool->lock);
	return share;
}
