# The library and the programs of tests/c as other tools want them, each in a
# directory of its own in build/; tests/variants/run.sh runs them.
#
#   asan      core with go -asan; front and tests with ASan and UBSan
#   race      core with go -race. Go's race detector needs its memory at a fixed
#             place, so the core is an archive in programs that are not PIE, and
#             linked_core.c takes the place of lib/load.c
#   valgrind  as installed, but with symbols
#   arm64     cross-built

CC_ARM64 ?= aarch64-linux-gnu-gcc

build/asan/%: CFLAGS = -O1 -g -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all
# The sanitizers' functions are the program's.
build/asan/%: NO_UNDEFINED =
# Go must know the compiler by its name.
build/asan/%: CC := $(patsubst cc,gcc,$(CC))
build/race/%: CFLAGS = -O1 -g
build/arm64/%: CFLAGS = -O2 -g
build/valgrind/%: CFLAGS = -O1 -g
build/arm64/%: CC = $(CC_ARM64)
# With symbols: reports without them say nothing.
build/asan/% build/race/% build/valgrind/% build/arm64/%: \
	CORE_LDFLAGS := $(filter-out -s -w,$(CORE_LDFLAGS))

build/asan/$(CORE_SONAME): $(core_sources)
	@mkdir -p $(@D)
	$(call core_build,-asan -o $@)

# Go tells valgrind of its stacks and its heap, and valgrind 3.19 does not read
# DWARF 5.
build/valgrind/$(CORE_SONAME): $(core_sources)
	@mkdir -p $(@D)
	GOEXPERIMENT=nodwarf5 $(call core_build,-tags valgrind -o $@)

build/arm64/$(CORE_SONAME): $(core_sources)
	@mkdir -p $(@D)
	GOARCH=arm64 $(call core_build,-o $@)

define dynamic_variant
build/$(1)/$(FRONT_SONAME): $$(wildcard lib/*.c lib/*.h) dbox_aio.h \
		lib/libdbox_aio.map capi/core.h
	@mkdir -p $$(@D)
	$$(call front_build,$$@,$$(filter %.c,$$^))

build/$(1)/tests/%: tests/%.c $$$$(call test_parts,$$$$(dir tests/$$$$*)) \
		dbox_aio.h \
		| build/$(1)/$(FRONT_SONAME) build/$(1)/$(CORE_SONAME)
	@mkdir -p $$(@D)
	$$(CC) $$(HOST_CFLAGS) -o $$@ $$(sort $$(filter %.c,$$^)) \
		-Lbuild/$(1) -l:$(FRONT_SONAME) \
		-Wl,-rpath,$$(CURDIR)/build/$(1) -ldl -lpthread
endef
$(eval $(call dynamic_variant,asan))
$(eval $(call dynamic_variant,valgrind))
$(eval $(call dynamic_variant,arm64))

build/race/libdbox_aio_core.a: $(core_sources)
	@mkdir -p $(@D)
	CGO_ENABLED=1 CC='$(CC)' $(GO) build -race -buildmode=c-archive \
		-trimpath -buildvcs=false \
		-ldflags '$(filter -X%,$(CORE_LDFLAGS))' -o $@ ./capi

build/race/front.o build/fuzz/front.o: tests/variants/race/linked_core.c \
		$(filter-out lib/load.c,$(wildcard lib/*.c)) lib/front.h \
		dbox_aio.h capi/core.h
	@mkdir -p $(basename $@)
	cd $(basename $@) && $(CC) -std=gnu99 $(WARNINGS) $(CFLAGS) \
		-I$(CURDIR) -I$(CURDIR)/capi \
		-c $(addprefix $(CURDIR)/,$(filter %.c,$^))
	ld -r -o $@ $(basename $@)/*.o

build/race/tests/%: tests/%.c $$(call test_parts,$$(dir tests/$$*)) \
		dbox_aio.h build/race/front.o build/race/libdbox_aio_core.a
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -Icapi -no-pie -o $@ $(sort $(filter %.c,$^)) \
		build/race/front.o build/race/libdbox_aio_core.a -ldl -lpthread

# tests/fuzz by libFuzzer: it sees which code of the core a file has reached, as
# Go instruments it, and what the address sanitizer sees.
CLANG ?= clang
build/fuzz/%: CC = $(CLANG)
build/fuzz/%: CFLAGS = -O1 -g -fno-omit-frame-pointer \
	-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all

build/fuzz/libdbox_aio_core.a: $(core_sources)
	@mkdir -p $(@D)
	CGO_ENABLED=1 CC='$(CC)' $(GO) build -asan -buildmode=c-archive \
		-tags libfuzzer -gcflags=libdbox_aio/...=-d=libfuzzer \
		-trimpath -buildvcs=false \
		-ldflags '$(filter -X%,$(CORE_LDFLAGS))' -o $@ ./capi

build/fuzz/fuzz_file: $(filter-out tests/fuzz/test_%,$(wildcard tests/fuzz/*.c)) \
		$(wildcard tests/fuzz/*.h) build/fuzz/front.o \
		build/fuzz/libdbox_aio_core.a
	$(CC) $(HOST_CFLAGS) -fsanitize=fuzzer -o $@ $(filter %.c,$^) \
		build/fuzz/front.o build/fuzz/libdbox_aio_core.a -ldl -lpthread

# The modules of the Dovecot plugin with both sanitizers, and beside them the
# library that they load. Dovecot itself is as it is installed.
ASAN_DOVECOT := build/asan/dovecot/lib95_dbox_aio_plugin.so \
	build/asan/dovecot/lib95_imap_dbox_aio_plugin.so

build/asan/dovecot/lib95_dbox_aio_plugin.so: $(dovecot_storage_half) \
		$(dovecot_headers)
	@mkdir -p $(@D)
	$(call dovecot_link,$(CURDIR)/lib)

build/asan/dovecot/lib95_imap_dbox_aio_plugin.so: \
		$(wildcard dovecot/imap-*.c) $(dovecot_headers)
	@mkdir -p $(@D)
	$(call dovecot_link)
