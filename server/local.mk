noinst_LIBRARIES += libserver.a
libserver_a_SOURCES =
include $(top_srcdir)/server/core/local.mk
include $(top_srcdir)/server/inode/local.mk
include $(top_srcdir)/server/lock/local.mk
include $(top_srcdir)/server/posix/local.mk
include $(top_srcdir)/server/heal/local.mk
include $(top_srcdir)/server/stage/local.mk
include $(top_srcdir)/server/wire/local.mk
include $(top_srcdir)/server/fop/local.mk
include $(top_srcdir)/server/admin/local.mk

libserver_a_SOURCES += \
	server/server.h server/server.c \
	server/server_options.h server/server_options.c \
	server/pressure.h server/pressure.c \
	server/daemon.h server/daemon.c \
	server/clinkerd.h server/clinkerd.c

check_PROGRAMS += tests/unit/test_fop_run
TESTS += tests/unit/test_fop_run
tests_unit_test_fop_run_SOURCES = tests/unit/test_fop_run.c \
	tests/unit/server_scene.h tests/unit/server_scene.c
tests_unit_test_fop_run_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_fop_run_LDADD = libserver.a libiothreads.a librpc.a libmem.a \
	$(CHECK_LIBS) $(EVENT_LIBS) $(TIRPC_LIBS) $(URCU_LIBS) $(INIH_LIBS) \
	$(JSON_LIBS) $(XXHASH_LIBS) $(CRYPTO_LIBS) $(SYSTEMD_LIBS) $(ZLIB_LIBS)

# What hands memory out, made to fail by tests (tests/unit/mem_fault.h).
mem_fault_ldflags = $(AM_LDFLAGS) -Wl,--wrap=mem_alloc,--wrap=mem_zalloc \
	-Wl,--wrap=mem_calloc,--wrap=mem_realloc,--wrap=mem_alloc_aligned \
	-Wl,--wrap=mem_strdup,--wrap=mem_strndup,--wrap=mem_memdup \
	-Wl,--wrap=mem_asprintf,--wrap=mem_vasprintf \
	-Wl,--wrap=mem_lib_malloc,--wrap=mem_lib_realloc \
	-Wl,--wrap=mem_pool_new,--wrap=mem_pool_get,--wrap=iobuf_new \
	-Wl,--wrap=page_run_take,--wrap=mem_set_importance \
	-Wl,--wrap=arena_alloc,--wrap=arena_zalloc,--wrap=arena_memdup \
	-Wl,--wrap=arena_strndup,--wrap=arena_printf
check_PROGRAMS += tests/unit/test_enomem_fops
TESTS += tests/unit/test_enomem_fops
tests_unit_test_enomem_fops_SOURCES = tests/unit/test_enomem_fops.c \
	tests/unit/enomem_requests.h tests/unit/enomem_requests.c \
	tests/unit/mem_fault.h tests/unit/mem_fault.c \
	tests/unit/brick_tree.h tests/unit/brick_tree.c \
	tests/unit/server_scene.h tests/unit/server_scene.c
tests_unit_test_enomem_fops_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_enomem_fops_LDFLAGS = $(mem_fault_ldflags)
tests_unit_test_enomem_fops_LDADD = $(tests_unit_test_fop_run_LDADD)

check_PROGRAMS += tests/unit/test_importance
TESTS += tests/unit/test_importance
tests_unit_test_importance_SOURCES = tests/unit/test_importance.c \
	tests/unit/server_scene.h tests/unit/server_scene.c
tests_unit_test_importance_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_importance_LDADD = $(tests_unit_test_fop_run_LDADD)

check_PROGRAMS += tests/unit/test_enomem_server
TESTS += tests/unit/test_enomem_server
tests_unit_test_enomem_server_SOURCES = tests/unit/test_enomem_server.c \
	tests/unit/mem_fault.h tests/unit/mem_fault.c \
	tests/unit/server_scene.h tests/unit/server_scene.c
tests_unit_test_enomem_server_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_enomem_server_LDFLAGS = $(mem_fault_ldflags)
tests_unit_test_enomem_server_LDADD = $(tests_unit_test_fop_run_LDADD)
