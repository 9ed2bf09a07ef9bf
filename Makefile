# SPDX-License-Identifier: GPL-2.0
#
# vmshm: named, resizable regions of shared memory for VMMs, guests, processes.
# 'make help' lists the targets.  Kbuild, beside this file, is what the kernel's
# build system reads.

# Debian kernel series that is built for and tested: 6.1 or 6.12; or a kernel of
# our own, such as 6.1-kasan, see selftests/debug/build-kernel.
KERNEL  ?= 6.1
# Everything that is built goes here, the source tree stays as it is.
O       ?= $(CURDIR)/build
# Sources of the module.
MODDIR  ?= $(CURDIR)

PREFIX  ?= /usr/local
DESTDIR ?=
# Build tree of the kernel that 'make install' installs for.
KDIR    ?= /lib/modules/$(shell uname -r)/build
INSTALL_MOD_PATH ?= $(DESTDIR)
UDEVDIR ?= /lib/udev
SYSTEMDDIR ?= /lib/systemd/system
MODLOADDIR ?= /lib/modules-load.d

# Names of tests to run; empty is all.
TEST    ?=
FUZZ_SECONDS ?= 60

override O := $(abspath $(O))
# What is built comes before what may be installed.
VMPATH := /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
VM    := selftests/vm/vm-run --kernel $(KERNEL) \
	 --module $(O)/$(KERNEL)/vmshm.ko --env VMSHM_BUILD=$(O) \
	 --env PATH=$(O)/userspace:$(VMPATH) \
	 --env LD_LIBRARY_PATH=$(O)/userspace
SUB   := $(MAKE) --no-print-directory
# Inside a make that was not told how parallel to be, be as parallel as can be.
JOBS  := $(if $(findstring j,$(filter-out --%,$(MAKEFLAGS))),,-j$(shell nproc))

.PHONY: all
all: modules userspace selftests

.PHONY: modules
modules:
	+@selftests/vm/build-module $(KERNEL) $(MODDIR) $(O)/$(KERNEL)

.PHONY: userspace
userspace:
	+@$(SUB) -s -C userspace O=$(O)/userspace all

.PHONY: selftests
selftests: userspace
	+@$(SUB) -C selftests O=$(O)/selftests USERSPACE=$(O)/userspace all

# The targets below set themselves up: packages, kernel, build.
.PHONY: setup
setup:
	@selftests/setup

.PHONY: prepared
prepared: setup
	@selftests/vm/fetch-kernel source >/dev/null
	@selftests/vm/fetch-kernel $(KERNEL) >/dev/null
	+@$(SUB) $(JOBS) all

.PHONY: check
check: prepared
	@selftests/check --kernel $(KERNEL) --build $(O) \
		--fuzz-seconds $(FUZZ_SECONDS) $(TEST)

.PHONY: check-long
check-long: prepared
	@selftests/check --kernel $(KERNEL) --build $(O) --long $(TEST)

# Kernels that check themselves: FLAVOUR=kasan or kcsan.
SERIES  ?= 6.1
FLAVOUR ?= kasan
.PHONY: check-debug
check-debug:
	+@$(SUB) check KERNEL=$(SERIES)-$(FLAVOUR)

# The tests that reach much in little time.
.PHONY: check-debug-short
check-debug-short:
	+@$(SUB) check-debug TEST="$$(sed 's/#.*//' \
		selftests/debug/short.list | tr '\n' ' ')"

# What of the module the tests reach, see selftests/coverage/run --help; TEST=
# names some.
.PHONY: coverage
coverage:
	+@$(SUB) prepared KERNEL=$(SERIES)-gcov
	@selftests/coverage/run --kernel $(SERIES)-gcov --build $(O) $(TEST)

# The fuzzer of the module, in a machine; see selftests/run-kernel-fuzz --help.
SECONDS ?= 60
SEED    ?=
REPLAY  ?=
MINIMISE ?=
.PHONY: fuzz
fuzz: prepared
	@selftests/run-kernel-fuzz --kernel $(KERNEL) --build $(O) \
		--seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) \
		$(if $(REPLAY),--replay $(REPLAY)) \
		$(if $(MINIMISE),--minimise $(MINIMISE))

# Parts of vmshm-stress, PARTS="kill abuse", SECONDS= of each; see
# selftests/run-stress --help.
PARTS   ?=
.PHONY: stress
stress: prepared
	@selftests/run-stress --kernel $(KERNEL) --build $(O) \
		--seconds $(SECONDS) -- $(PARTS)

# Do the tests find bugs? See selftests/mutation/run --help; MUTATION= names some.
MUTATION ?=
.PHONY: mutation
mutation: prepared
	@selftests/mutation/run --build $(O) $(MUTATION)

.PHONY: lint
lint: setup
	@selftests/lint --build $(O)

.PHONY: docs
docs: setup
	@selftests/docs $(O)/docs
	@echo $(O)/docs/html/index.html

.PHONY: vm
vm: prepared
	@$(VM) --shell

.PHONY: demo
demo: prepared
	+@$(SUB) -C selftests O=$(O)/selftests USERSPACE=$(O)/userspace \
		MODULE=$(O)/$(KERNEL)/vmshm.ko demo
	@cp $$(selftests/vm/fetch-kernel $(KERNEL))/vmlinuz $(O)/selftests/demo/
	@$(VM) --timeout 600 -- selftests/demo $(O)/selftests/demo

# With instruction counting, for times that mean something: a nanosecond is an
# instruction then.  ICOUNT= measures emulated time instead.
ICOUNT ?= --icount
# Seconds, and memory in MiB: what the large regions of 'dirty' need more of.
BENCH_TIMEOUT ?= 3600
BENCH_MEM ?= 2048
.PHONY: bench
bench: prepared
	@$(VM) --timeout $(BENCH_TIMEOUT) --mem $(BENCH_MEM) $(ICOUNT) -- \
		selftests/run-bench $(TEST)

.PHONY: install install-module install-userspace install-udev install-systemd
install: install-module install-userspace install-udev install-systemd

install-module:
	+@selftests/vm/build-module $(KDIR) $(MODDIR) $(O)/install
	+@$(SUB) -C $(KDIR) O= M=$(O)/install CONFIG_MODULE_SIG_ALL= \
		INSTALL_MOD_PATH=$(INSTALL_MOD_PATH) \
		INSTALL_MOD_DIR=updates modules_install
	@# Kbuild leaves this out: the headers come without System.map.
	$(if $(INSTALL_MOD_PATH),,depmod -a $$($(SUB) -s -C $(KDIR) kernelrelease))

install-userspace:
	+@$(SUB) -C userspace O=$(O)/userspace PREFIX=$(PREFIX) \
		DESTDIR=$(DESTDIR) install
	$(if $(DESTDIR),,-ldconfig)
	$(if $(DESTDIR),,-systemctl daemon-reload)

install-udev:
	install -D -m 644 udev/60-vmshm.rules \
		$(DESTDIR)$(UDEVDIR)/rules.d/60-vmshm.rules
	$(if $(DESTDIR),,-udevadm control --reload)

# The mount is installed, not enabled; the module is loaded at boot.
install-systemd:
	install -D -m 644 systemd/run-vmshm.mount \
		$(DESTDIR)$(SYSTEMDDIR)/run-vmshm.mount
	install -D -m 644 systemd/vmshm.conf $(DESTDIR)$(MODLOADDIR)/vmshm.conf

# What 'make install' with the same variables has installed.
.PHONY: uninstall
uninstall: RELEASE = $(or $(shell $(SUB) -s -C $(KDIR) kernelrelease 2>/dev/null),\
		     $(shell uname -r))
uninstall: UPDATES = $(INSTALL_MOD_PATH)/lib/modules/$(RELEASE)/updates
uninstall:
	rm -f $(DESTDIR)$(UDEVDIR)/rules.d/60-vmshm.rules \
		$(DESTDIR)$(SYSTEMDDIR)/run-vmshm.mount \
		$(DESTDIR)$(MODLOADDIR)/vmshm.conf \
		$(UPDATES)/vmshm.ko* $(UPDATES)/vmshm_kvm.ko*
	+@$(SUB) -C userspace O=$(O)/userspace PREFIX=$(PREFIX) \
		DESTDIR=$(DESTDIR) uninstall
	$(if $(INSTALL_MOD_PATH),,depmod -a $(RELEASE))
	$(if $(DESTDIR),,-ldconfig)
	$(if $(DESTDIR),,-udevadm control --reload)
	$(if $(DESTDIR),,-systemctl daemon-reload)

.PHONY: clean
clean:
	rm -rf $(O)

.PHONY: help
help:
	@echo 'make                    build the module, the library, the command, the tests'
	@echo 'make modules            only the module: build/KERNEL/vmshm.ko'
	@echo 'make check [TEST=name]  test everything in virtual machines'
	@echo 'make check-long         the long forms of the tests of selftests/long.list'
	@echo 'make check-debug        the kselftests under KASAN and lockdep, on a kernel'
	@echo '                        that is built for it, once; SERIES=6.12'
	@echo '                        FLAVOUR=kcsan is another'
	@echo 'make check-debug-short  some of them, as in CI'
	@echo 'make coverage           lines and branches of the module that the tests'
	@echo '                        reach, and those that they do not; on a kernel'
	@echo '                        that is built for it, once'
	@echo 'make fuzz               random programs with a model, in a machine;'
	@echo '                        SECONDS=60 SEED=n, KERNEL=6.1-kasan to be guided'
	@echo '                        by coverage, REPLAY=FILE for one program,'
	@echo '                        MINIMISE=FILE to make one shorter'
	@echo 'make stress             kill, hoard, swap, reload, in a machine: SECONDS=60'
	@echo '                        for each, PARTS="kill abuse" for some'
	@echo 'make mutation           put bugs into the module: does a test find each?'
	@echo '                        MUTATION=name is one'
	@echo 'make lint               static checks; silent when clean'
	@echo 'make docs               Documentation/ and the uapi reference as HTML'
	@echo 'make vm                 a shell in a machine with the module loaded'
	@echo 'make demo               what vmshm does, shown in a machine'
	@echo 'make bench [TEST=name]  measure, beside memfd, tmpfs and other dirty trackers'
	@echo 'make install            module for the running kernel, library, commands,'
	@echo '                        man pages, systemd units, udev rule (DESTDIR,'
	@echo '                        PREFIX, KDIR, INSTALL_MOD_PATH)'
	@echo 'make uninstall          take that away again'
	@echo 'make setup              install the Debian packages all this needs'
	@echo 'make clean              remove what was built'
	@echo
	@echo 'KERNEL=6.1 (default) or 6.12: the Debian kernel to build for and test'
	@echo 'FUZZ_SECONDS=60: time for the fuzzers in make check'
	@echo 'O=DIR: where to build (default build/)'
