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
