/* Copyright (c) 2026 libdbox_aio authors, see the included LICENSE file */

#include "imap-common.h"
#include "imap-dbox-aio-plugin.h"

const char *imap_dbox_aio_plugin_version = DOVECOT_ABI_VERSION;
const char *imap_dbox_aio_plugin_dependencies[] = { "dbox_aio", NULL };
const char imap_dbox_aio_plugin_binary_dependency[] = "imap";

void imap_dbox_aio_plugin_init(struct module *module ATTR_UNUSED)
{
	imap_dbox_aio_commands_init();
	imap_dbox_aio_fetch_init();
}

void imap_dbox_aio_plugin_deinit(void)
{
	imap_dbox_aio_fetch_deinit();
	imap_dbox_aio_commands_deinit();
}
