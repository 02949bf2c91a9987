libserver_a_SOURCES += \
	server/fop/brick.h \
	server/fop/stats.h server/fop/stats.c \
	server/fop/latency.h server/fop/latency.c \
	server/fop/timing.h server/fop/timing.c \
	server/fop/slow.h server/fop/slow.c \
	server/fop/share.h server/fop/share.c \
	server/fop/spent.h server/fop/spent.c \
	server/fop/held.h server/fop/held.c \
	server/fop/client.h server/fop/client.c \
	server/fop/call.h server/fop/call.c \
	server/fop/resolve.h server/fop/resolve.c \
	server/fop/permit.h server/fop/permit.c \
	server/fop/callback.h server/fop/callback.c \
	server/fop/locks.h server/fop/locks.c \
	server/fop/lock_counts.h server/fop/lock_counts.c \
	server/fop/run.h server/fop/run.c \
	server/fop/handlers.h server/fop/handlers.c \
	server/fop/fop_entry.c \
	server/fop/fop_dir.c \
	server/fop/fop_data.c \
	server/fop/fop_attr.c \
	server/fop/fop_xattr.c \
	server/fop/fop_heal.c \
	server/fop/index_dir.h server/fop/index_dir.c \
	server/fop/fop_lock.c \
	server/fop/fop_internal.c \
	server/fop/fop_activelk.c \
	server/fop/fop_clear.c \
	server/fop/fop_ipc.c \
	server/fop/authorize.h server/fop/authorize.c \
	server/fop/hello.h server/fop/hello.c \
	server/fop/dump_program.h server/fop/dump_program.c

check_PROGRAMS += tests/unit/test_latency
TESTS += tests/unit/test_latency
tests_unit_test_latency_SOURCES = tests/unit/test_latency.c
tests_unit_test_latency_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_latency_LDADD = libserver.a libiothreads.a libmem.a \
	$(CHECK_LIBS) $(URCU_LIBS)

check_PROGRAMS += tests/unit/test_slow
TESTS += tests/unit/test_slow
tests_unit_test_slow_SOURCES = tests/unit/test_slow.c
tests_unit_test_slow_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_slow_LDADD = libserver.a libmem.a $(CHECK_LIBS) $(URCU_LIBS)
