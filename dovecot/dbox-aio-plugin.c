/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

#include "lib.h"
#include "module-dir.h"
#include "mail-storage-private.h"
#include "mail-storage-hooks.h"
#include "dbox-aio-plugin.h"
#include "dbox-aio-storage.h"
#include "dbox-aio-mount.h"
#include "dbox-reader.h"

const char *dbox_aio_plugin_version = DOVECOT_ABI_VERSION;

static struct mail_storage_hooks dbox_aio_mail_storage_hooks = {
	.mail_storage_created = dbox_aio_storage_created,
	.mailbox_allocated = dbox_aio_mailbox_allocated,
	.mail_allocated = dbox_aio_mail_allocated,
};

void dbox_aio_plugin_init(struct module *module)
{
	mail_storage_hooks_add(module, &dbox_aio_mail_storage_hooks);
}

void dbox_aio_plugin_deinit(void)
{
	mail_storage_hooks_remove(&dbox_aio_mail_storage_hooks);
	dbox_reader_deinit();
	dbox_aio_mounts_deinit();
}
