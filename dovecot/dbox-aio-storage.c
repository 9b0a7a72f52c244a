/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

#include "lib.h"
#include "master-service.h"
#include "mail-storage-private.h"
#include "dbox-reader.h"
#include "dbox-aio-compat.h"
#include "dbox-aio-storage.h"
#include "dbox-aio-mount.h"

struct dbox_aio_storage_module dbox_aio_storage_module =
	MODULE_CONTEXT_INIT(&mail_storage_module_register);
struct dbox_aio_mailbox_module dbox_aio_mailbox_module =
	MODULE_CONTEXT_INIT(&mail_storage_module_register);

static struct mail_storage *
dbox_aio_storage_get(struct mail_storage *storage, bool *is_mdbox_r)
{
	*is_mdbox_r = strcmp(storage->name, "mdbox") == 0;
	return *is_mdbox_r || strcmp(storage->name, "sdbox") == 0 ?
		storage : NULL;
}

static void dbox_aio_storage_destroy(struct mail_storage *storage)
{
	struct dbox_aio_storage *astorage = DBOX_AIO_STORAGE_CONTEXT(storage);

	if (astorage->is_mdbox)
		dbox_aio_mdbox_storage_destroyed(storage);
	astorage->module_ctx.super.destroy(storage);
}

void dbox_aio_storage_created(struct mail_storage *storage)
{
	struct mail_storage_vfuncs *v = storage->vlast;
	struct dbox_aio_storage *astorage;
	struct dbox_storage *dstorage;
	bool is_mdbox;

	if (dbox_aio_storage_get(storage, &is_mdbox) == NULL)
		return;
	dstorage = dbox_aio_compat_storage(storage);
	astorage = p_new(storage->pool, struct dbox_aio_storage, 1);
	astorage->is_mdbox = is_mdbox;
	astorage->module_ctx.super = *v;
	storage->vlast = &astorage->module_ctx.super;
	v->destroy = dbox_aio_storage_destroy;
	astorage->super = dstorage->v;
	dstorage->v.mail_open = dbox_aio_mail_open;
	MODULE_CONTEXT_SET(storage, dbox_aio_storage_module, astorage);

	/* Where clients share a process, the first one that needs the library
	   would have the others wait until it is loaded. */
	if (master_service_get_client_limit(master_service) > 1)
		(void)dbox_reader_get(storage->user);
}

void dbox_aio_mailbox_allocated(struct mailbox *box)
{
	struct mailbox_vfuncs *v = box->vlast;
	struct dbox_aio_mailbox *abox;

	if (DBOX_AIO_STORAGE_CONTEXT(box->storage) == NULL)
		return;
	abox = p_new(box->pool, struct dbox_aio_mailbox, 1);
	abox->module_ctx.super = *v;
	box->vlast = &abox->module_ctx.super;
	dbox_aio_search_mailbox_hook(v);
	MODULE_CONTEXT_SET(box, dbox_aio_mailbox_module, abox);
}

static void mailbox_find_mounts(struct mailbox *box,
				struct dbox_aio_mailbox *abox)
{
	struct dbox_aio_storage *astorage =
		DBOX_AIO_STORAGE_CONTEXT(box->storage);
	const char *dir, *alt_dir;

	if (astorage->is_mdbox) {
		dir = dbox_aio_compat_mdbox_storage(box->storage)->storage_dir;
		alt_dir = dbox_aio_compat_mdbox_storage(box->storage)->
			alt_storage_dir;
	} else {
		dir = mailbox_get_path(box);
		if (mailbox_get_path_to(box,
					MAILBOX_LIST_PATH_TYPE_ALT_MAILBOX,
					&alt_dir) <= 0)
			alt_dir = NULL;
	}
	abox->mount = dbox_aio_mount_get(dir);
	if (alt_dir != NULL)
		abox->alt_mount = dbox_aio_mount_get(alt_dir);
}

bool dbox_aio_mailbox_is_quick(struct mailbox *box,
			       struct dbox_aio_mailbox *abox)
{
	if (abox->mount == NULL)
		mailbox_find_mounts(box, abox);
	return dbox_aio_mount_is_quick(abox->mount) &&
		(abox->alt_mount == NULL ||
		 dbox_aio_mount_is_quick(abox->alt_mount));
}
