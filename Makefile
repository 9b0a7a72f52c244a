# libdbox_aio. `make help` lists what there is to do.
#
# Two libraries come out of this, both in lib/:
#   libdbox_aio.so       what programs link: C, from lib/*.c
#   libdbox_aio_core.so  what it loads when it is used: Go, from go/ and capi/

GO ?= go
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
BINDIR ?= $(PREFIX)/bin
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
INCLUDEDIR ?= $(PREFIX)/include
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
MANDIR ?= $(PREFIX)/share/man
INSTALL ?= install
FUZZTIME ?= 60s

# The version stands in dbox_aio.h and nowhere else.
version_of = $(shell sed -n 's/^.define DBOX_AIO_VERSION_$(1) //p' dbox_aio.h)
MAJOR := $(call version_of,MAJOR)
VERSION := $(MAJOR).$(call version_of,MINOR).$(call version_of,PATCH)

FRONT := lib/libdbox_aio.so.$(VERSION)
FRONT_SONAME := libdbox_aio.so.$(MAJOR)
FRONT_LINKS := lib/$(FRONT_SONAME) lib/libdbox_aio.so
CORE_SONAME := libdbox_aio_core.so.$(MAJOR)
CORE := lib/$(CORE_SONAME)

WARNINGS := -Wall -Wextra
HARDENED := -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete
# What a program in this tree is built with; it finds the library in lib/.
HOST_CFLAGS = -std=gnu99 $(WARNINGS) $(CFLAGS) -I. -Iinclude
HOST_LIBS = -Llib -ldbox_aio -Wl,-rpath,$(CURDIR)/lib -lpthread

go_sources = $(shell find $(1) -name '*.go' ! -name '*_test.go') go.mod go.sum

.PHONY: all
all: $(FRONT) $(FRONT_LINKS) $(CORE) build/dboxaio

.PHONY: help
help:
	@echo 'make            build the library in lib/'
	@echo 'make demo       see what it is good for, on a sample mail store'
	@echo '                STORE=path: a Dovecot mail directory (sdbox or mdbox)'
	@echo '                LATENCY=ms: as if its disk took that long to answer'
	@echo 'make check      all tests; SUITES="c hosts" only these (see tests/run)'
	@echo 'make lint       formatting, vet, staticcheck, compiler warnings'
	@echo 'make abi-check  the ABI against lib/libdbox_aio.abi; make abi-baseline'
	@echo '                writes that anew, after an addition'
	@echo 'make bench      compare with other ways to read; QUICK=1: two minutes'
	@echo 'make bench-guard  compare quick ratios with bounds'
	@echo 'make asan race valgrind  the tests in C, watched by these'
	@echo 'make asan-dovecot  the plugin, watched in a private Dovecot'
	@echo 'make arm64      the tests in C, cross-built, under qemu'
	@echo 'make soak       full load while all goes wrong; DURATION=20 seconds each'
	@echo 'make fuzz       parser and library on random files; FUZZTIME=60s each'
	@echo 'make deb        Debian packages in build/deb/'
	@echo 'make install    PREFIX=/usr/local LIBDIR=PREFIX/lib'
	@echo '                MANDIR=PREFIX/share/man DESTDIR='
	@echo 'make uninstall  with the same variables'
	@echo 'make dovecot    build the Dovecot plugin in build/dovecot/'
	@echo 'make install-dovecot  put it where Dovecot looks for modules'
	@echo 'make dovecot-demo  what it is good for: a private Dovecot, stock and'
	@echo '                with the plugin; FULL=1: heavy set-ups, too'
	@echo 'make dovecot-stress  random commands and races; MINUTES=10 SEED='
	@echo 'make dovecot-imaptest IMAPTEST=path  Dovecot'"'"'s tester of IMAP servers,'
	@echo '                from where its source was built; see docs/dovecot.md'
	@echo 'make deps       install what demo, check and lint need (apt-get)'
	@echo 'make clean      remove what was built'
	@echo 'CC, CFLAGS, LDFLAGS and GO are honoured.'

#
# The library
#

# $(call front_build,OUTPUT,SOURCES)
front_build = $(CC) -shared -fPIC -std=gnu99 $(WARNINGS) -fvisibility=hidden \
	$(CFLAGS) -I. -Icapi -o $(1) $(2) -Wl,-soname,$(FRONT_SONAME) \
	-Wl,--version-script=lib/libdbox_aio.map \
	$(HARDENED) $(NO_UNDEFINED) $(LDFLAGS) -ldl -lpthread
NO_UNDEFINED = -Wl,-z,defs

$(FRONT): $(wildcard lib/*.c lib/*.h) lib/libdbox_aio.map dbox_aio.h capi/core.h
	$(call front_build,$@,$(filter %.c,$^))

$(FRONT_LINKS): $(FRONT)
	ln -sf $(notdir $(FRONT)) $@

CORE_LDFLAGS = -s -w -X=runtime.godebugDefault=asyncpreemptoff=1,containermaxprocs=0,updatemaxprocs=0 \
	-extldflags "-Wl,-soname,$(CORE_SONAME) \
	-Wl,--version-script=$(CURDIR)/capi/core.map \
	-Wl,-z,nodelete -Wl,-z,now -Wl,-z,relro"

core_sources = $(call go_sources,go capi) $(wildcard capi/*.c capi/*.h) \
	capi/core.map dbox_aio.h
core_build = CGO_ENABLED=1 CC='$(CC)' $(GO) build -buildmode=c-shared \
	-trimpath -buildvcs=false -ldflags '$(CORE_LDFLAGS)' $(1) ./capi

# Go writes a header beside it that nobody needs: it stays in build/.
$(CORE): $(core_sources)
	@mkdir -p build/core
	$(call core_build,-o build/core/$(CORE_SONAME))
	mv build/core/$(CORE_SONAME) $@

# A core that panics when a test asks it to, with a front of its own.
build/panic/$(CORE_SONAME): $(core_sources) $(FRONT)
	@mkdir -p build/panic
	cp $(FRONT) build/panic/$(FRONT_SONAME)
	$(call core_build,-tags dboxtest -o $@)

#
# The command-line tool
#

# Where it looks for the library: beside its own directory, here as there.
TOOL_RPATH ?= $$ORIGIN/../lib
# What it can decompress depends on what is there to link to. (Inside of $(shell)
# make 4.3 leaves the backslash of an escaped hash to the shell.)
hash := \#
has_header = $(shell echo '$(hash)include <$(1)>' | $(CC) -E - >/dev/null 2>&1 && echo y)
TOOL_LIBS = $(if $(call has_header,zlib.h),-DHAVE_ZLIB -lz) \
	$(if $(call has_header,zstd.h),-DHAVE_ZSTD -lzstd)

build/dboxaio: $(wildcard lib/dboxaio/*.c lib/dboxaio/*.h) dbox_aio.h $(FRONT) | $(FRONT_LINKS)
	@mkdir -p $(@D)
	$(CC) -std=gnu99 $(WARNINGS) $(CFLAGS) -I. -o $@ $(filter %.c,$^) \
		-Llib -ldbox_aio $(if $(TOOL_RPATH),-Wl$(comma)-rpath$(comma)'$(TOOL_RPATH)') \
		-Wl,-z,now -Wl,-z,relro $(LDFLAGS) $(TOOL_LIBS) -lpthread
comma := ,

#
# Installing
#

DEST_LIB = $(DESTDIR)$(LIBDIR)
DEST_INCLUDE = $(DESTDIR)$(INCLUDEDIR)
ADAPTERS = $(wildcard include/dbox_aio/*.h)

# Each page is also found by the other names it gives itself: links.
DEST_MAN = $(DESTDIR)$(MANDIR)
MAN_PAGES = $(wildcard docs/man/*.[1-9])
man_names = sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \([^ ]*\).*/\1/p' $$page
for_man_pages = @set -e; for page in $(MAN_PAGES); do \
	section=$${page\#\#*.}; dir=$(DEST_MAN)/man$$section; $(1); done

.PHONY: install
install: all
	$(INSTALL) -d $(DEST_LIB) $(DEST_INCLUDE) $(DESTDIR)$(PKGCONFIGDIR)
	$(INSTALL) -m 644 dbox_aio.h $(DEST_INCLUDE)
ifneq ($(ADAPTERS),)
	$(INSTALL) -d $(DEST_INCLUDE)/dbox_aio
	$(INSTALL) -m 644 $(ADAPTERS) $(DEST_INCLUDE)/dbox_aio
endif
	$(call for_man_pages,$(INSTALL) -d $$dir; \
		for name in $$($(man_names)); do \
			ln -sf $${page##*/} $$dir/$$name.$$section; done; \
		rm -f $$dir/$${page##*/}; \
		$(INSTALL) -m 644 $$page $$dir)
	$(INSTALL) -m 755 $(FRONT) $(CORE) $(DEST_LIB)
	ln -sf $(notdir $(FRONT)) $(DEST_LIB)/$(FRONT_SONAME)
	ln -sf $(FRONT_SONAME) $(DEST_LIB)/libdbox_aio.so
	sed -e 's|@prefix@|$(PREFIX)|' -e 's|@libdir@|$(LIBDIR)|' \
		-e 's|@includedir@|$(INCLUDEDIR)|' -e 's|@version@|$(VERSION)|' \
		lib/dbox_aio.pc.in >$(DESTDIR)$(PKGCONFIGDIR)/dbox_aio.pc
	chmod 644 $(DESTDIR)$(PKGCONFIGDIR)/dbox_aio.pc
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(COMPLETIONDIR)
	$(INSTALL) -m 755 build/dboxaio $(DESTDIR)$(BINDIR)
	$(INSTALL) -m 644 lib/dboxaio/completion.bash \
		$(DESTDIR)$(COMPLETIONDIR)/dboxaio
	@# so that programs find it without a path; only the system's own cache
	@if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ] && \
		[ -x /sbin/ldconfig ]; then /sbin/ldconfig; fi

.PHONY: uninstall
uninstall:
	rm -f $(DEST_INCLUDE)/dbox_aio.h $(DESTDIR)$(PKGCONFIGDIR)/dbox_aio.pc \
		$(DEST_LIB)/$(notdir $(FRONT)) $(DEST_LIB)/$(FRONT_SONAME) \
		$(DEST_LIB)/libdbox_aio.so $(DEST_LIB)/$(CORE_SONAME) \
		$(DESTDIR)$(BINDIR)/dboxaio \
		$(DESTDIR)$(COMPLETIONDIR)/dboxaio
	rm -rf $(DEST_INCLUDE)/dbox_aio
	$(call for_man_pages,rm -f $$dir/$${page##*/}; \
		for name in $$($(man_names)); do \
			rm -f $$dir/$$name.$$section; done)

#
# The Dovecot plugin: see docs/dovecot.md
#

DOVECOT_CONFIG ?= /usr/lib/dovecot/dovecot-config
DOVECOT_MODULEDIR ?= $(shell . $(DOVECOT_CONFIG) && echo $$dovecot_moduledir)
DOVECOT_MODULES := build/dovecot/lib95_dbox_aio_plugin.so \
	build/dovecot/lib95_imap_dbox_aio_plugin.so
DOVECOT_CFLAGS = -std=gnu99 $(WARNINGS) -Wmissing-prototypes -Wstrict-aliasing=2 \
	$(CFLAGS) -fPIC -DHAVE_CONFIG_H -I. -Iinclude \
	$$(. $(DOVECOT_CONFIG) && echo $$LIBDOVECOT_INCLUDE | sed 's/-I/-isystem /g')
dovecot_headers = $(wildcard dovecot/*.h include/dbox_aio/dovecot.h) dbox_aio.h

.PHONY: dovecot
dovecot:
	@tests/deps $@
	@$(MAKE) --no-print-directory all $(DOVECOT_MODULES)

# What starts with imap- is the imap half; it finds the rest in the other. The
# library is loaded when it is used, from where the first argument says, or from
# where the system has it.
dovecot_storage_half = $(filter-out dovecot/imap-%,$(wildcard dovecot/*.c))
dovecot_link = $(CC) -shared $(DOVECOT_CFLAGS) -o $@ $(filter %.c,$^) \
	$(HARDENED) $(LDFLAGS) $(if $(1),-Wl$(comma)-rpath$(comma)$(1)) -ldl
comma := ,

build/dovecot/lib95_dbox_aio_plugin.so: $(dovecot_storage_half) $(dovecot_headers)
	@mkdir -p $(@D)
	$(call dovecot_link,$(CURDIR)/lib)

build/dovecot/lib95_imap_dbox_aio_plugin.so: \
		$(wildcard dovecot/imap-*.c) $(dovecot_headers)
	@mkdir -p $(@D)
	$(call dovecot_link)

# As above, but it looks where the library is installed. Packages, for which
# that is where the loader looks by itself, want it empty.
DOVECOT_RPATH ?= $(LIBDIR)
build/dovecot/install/lib95_dbox_aio_plugin.so: \
		$(dovecot_storage_half) $(dovecot_headers) FORCE
	@mkdir -p $(@D)
	$(call dovecot_link,$(DOVECOT_RPATH))

.PHONY: FORCE
FORCE:

# Where Dovecot looks for modules. The library itself: make install
.PHONY: install-dovecot
install-dovecot: dovecot build/dovecot/install/lib95_dbox_aio_plugin.so
	$(INSTALL) -d $(DESTDIR)$(DOVECOT_MODULEDIR)
	$(INSTALL) -m 644 build/dovecot/install/lib95_dbox_aio_plugin.so \
		build/dovecot/lib95_imap_dbox_aio_plugin.so \
		$(DESTDIR)$(DOVECOT_MODULEDIR)

# A private Dovecot, on storage that is slow on purpose.
build/plugin-kit: $(call go_sources,tests/plugin)
	$(GO) build -buildvcs=false -o $@ ./tests/plugin/kit

PLUGIN_KIT = build/plugin-kit -modules build/dovecot

.PHONY: dovecot-demo
dovecot-demo:
	@tests/deps $@
	@$(MAKE) --no-print-directory dovecot build/plugin-kit build/slowfs
	@$(PLUGIN_KIT) $(if $(FULL),-full) demo

.PHONY: dovecot-stress
dovecot-stress:
	@tests/deps $@
	@$(MAKE) --no-print-directory dovecot build/plugin-kit build/slowfs
	@$(PLUGIN_KIT) -full -duration $(or $(MINUTES),10)m \
		$(if $(SEED),-seed $(SEED)) stress

.PHONY: dovecot-imaptest
dovecot-imaptest:
	@tests/deps dovecot-stress
	@$(MAKE) --no-print-directory dovecot build/plugin-kit build/slowfs
	@$(PLUGIN_KIT) -imaptest '$(IMAPTEST)' imaptest

#
# The demo and the other examples
#

DEMO := build/dbox-read build/mkstore $(if $(LATENCY),build/slowfs)

.PHONY: demo
demo:
	@tests/deps $@
	@$(MAKE) --no-print-directory all $(DEMO)
	@examples/demo '$(STORE)' '$(LATENCY)'

build/dbox-read: $(wildcard examples/demo.h examples/*.c) dbox_aio.h | all
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -o $@ $(filter-out examples/hello.c,$(filter %.c,$^)) \
		$(LDFLAGS) $(HOST_LIBS)

build/hello: examples/hello.c dbox_aio.h | all
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -o $@ $< $(LDFLAGS) $(HOST_LIBS)

build/mkstore: $(call go_sources,go/dbox examples/mkstore)
	$(GO) build -buildvcs=false -o $@ ./examples/mkstore

build/slowfs: $(call go_sources,tests/storage/slowfs)
	$(GO) build -buildvcs=false -o $@ ./tests/storage/slowfs

#
# Tests
#

.PHONY: check
check:
	@tests/deps $@
	@tests/run $(or $(SUITES),check)

.PHONY: lint
lint:
	@tests/deps $@
	@tests/run lint

# One test program, as tests/run asks for it. What is not called test_* in its
# directory is linked to each.
test_parts = $(filter-out $(1)test_%,$(wildcard $(1)*.c $(1)*.h))
.SECONDEXPANSION:
build/tests/%: tests/%.c $$(call test_parts,$$(dir tests/$$*)) \
		dbox_aio.h $(ADAPTERS) | all
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -o $@ $(sort $(filter %.c,$^)) $(LDFLAGS) \
		$(HOST_LIBS) -ldl

# tests/c again, watched by tools or on another machine; see tests/variants.
.PHONY: asan race valgrind arm64 asan-dovecot
asan race valgrind arm64:
	@tests/deps $@
	@tests/run $@

# The Dovecot plugin with the address sanitizer, in a real Dovecot.
asan-dovecot:
	@tests/deps dovecot-demo
	@tests/run $@

# Each backend for that many seconds.
DURATION ?= 20
.PHONY: soak
soak:
	@tests/deps $@
	@DURATION=$(DURATION) tests/run $@

# The ABI, on each platform that a compiler can be had for.
.PHONY: abi-check abi-baseline
abi-check:
	@tests/deps abi
	@tests/run abi

abi-baseline:
	@tests/deps lint
	@tests/abi/run.sh write

include tests/variants/variants.mk

#
# Benchmarks
#

# Figures of a quick run are not kept: their files are called quick-*.
BENCH_RESULTS = tests/bench/results/$(if $(QUICK),quick,full)
BENCH := $(addprefix build/bench/,bench report host-library host-uring store) \
	build/slowfs
liburing_version = $(shell pkg-config --modversion liburing)

.PHONY: bench
bench:
	@tests/deps $@
	@$(MAKE) --no-print-directory all $(BENCH)
	@build/bench/bench $(if $(QUICK),-q) build/bench $(BENCH_RESULTS)
	@build/bench/report $(BENCH_RESULTS)

# Ratios, never times, against bounds that noise does not reach.
.PHONY: bench-guard
bench-guard:
	@tests/deps bench
	@$(MAKE) --no-print-directory all $(BENCH)
	@build/bench/bench -g build/bench build/bench/guard
	@build/bench/report -guard tests/bench/guard.txt build/bench/guard

build/bench/bench: $(wildcard tests/bench/*.c tests/bench/*.h) dbox_aio.h | all
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -DLIBURING_VERSION='"$(liburing_version)"' \
		-o $@ $(filter %.c,$^) $(LDFLAGS) $(HOST_LIBS) -luv -luring

build/bench/host-library: $(addprefix tests/bench/hosts/,library.c idle.c) | all
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -o $@ $^ $(LDFLAGS) $(HOST_LIBS)

build/bench/host-uring: $(addprefix tests/bench/hosts/,uring.c idle.c)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -o $@ $^ $(LDFLAGS) -luring

build/bench/report: $(call go_sources,tests/bench/report)
	$(GO) build -buildvcs=false -o $@ ./tests/bench/report

build/bench/store: | build/mkstore
	@mkdir -p $(@D)
	build/mkstore -sdbox 1000 -mdbox 1000 -files 10 $@

# The parser by go test -fuzz; whole files through the C ABI by libFuzzer. What
# either finds stays in build/fuzz, and belongs into tests/fuzz/corpus.
.PHONY: fuzz
fuzz:
	@tests/deps fuzz
	@set -e; for package in $$($(GO) list ./go/...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | \
				grep '^Fuzz' || :); do \
			echo "== $$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" \
				-fuzztime $(FUZZTIME) \
				-fuzzminimizetime 10x $$package; \
		done; \
	done
	@$(MAKE) --no-print-directory build/fuzz/fuzz_file
	@mkdir -p build/fuzz/found
	@echo "== tests/fuzz"
	build/fuzz/fuzz_file -max_total_time=$(FUZZTIME:s=) -max_len=4096 \
		-artifact_prefix=build/fuzz/ build/fuzz/found tests/fuzz/corpus

#
# Debian packages, in build/deb/. They are built in a copy: what that needs of
# the network is downloaded before. -d: Go need not come from a package.
#

DEB_TREE = build/deb/libdbox-aio-$(VERSION)

.PHONY: deb
deb:
	@tests/deps $@
	$(GO) mod download
	@rm -rf build/deb
	@mkdir -p $(DEB_TREE)
	@{ git ls-files -co --exclude-standard || find . -path ./build -prune \
		-o -type f ! -path './.git/*' ! -path './lib/*.so*' -print; } \
		2>/dev/null | while read -r file; do \
			if [ -e "$$file" ]; then echo "$$file"; fi; done | \
		tar -c -T - | tar -x -C $(DEB_TREE)
	cd $(DEB_TREE) && GO='$(GO)' env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
		dpkg-buildpackage -b -us -uc -d
	@ls build/deb/*.deb

.PHONY: deps
deps:
	@tests/deps demo check lint

.PHONY: clean
clean:
	rm -rf build $(FRONT_LINKS) lib/libdbox_aio.so.* lib/libdbox_aio_core.so.*
