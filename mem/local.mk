noinst_LIBRARIES += libmem.a
libmem_a_SOURCES = \
	mem/must.h mem/must.c \
	mem/mutex.h mem/mutex.c \
	mem/scope.h \
	mem/clock.h \
	mem/ranks.h \
	mem/poison.h \
	mem/os_pages.h mem/os_pages.c \
	mem/account.h mem/account_slot.h mem/account.c \
	mem/growth.h mem/growth.c \
	mem/alloc.h mem/alloc.c \
	mem/slab.h mem/slab.c \
	mem/pool.h mem/pool_one.h mem/pool.c \
	mem/arena.h mem/arena.c \
	mem/record.h mem/record.c \
	mem/iobuf.h mem/iobuf.c

check_PROGRAMS += \
	tests/unit/test_mutex tests/unit/test_account tests/unit/test_alloc \
	tests/unit/test_pool tests/unit/test_arena tests/unit/test_iobuf
TESTS += \
	tests/unit/test_mutex tests/unit/test_account tests/unit/test_alloc \
	tests/unit/test_pool tests/unit/test_arena tests/unit/test_iobuf
EXTRA_DIST += tests/unit/expect_abort.h
tests_unit_test_mutex_SOURCES = tests/unit/test_mutex.c
tests_unit_test_mutex_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_mutex_LDADD = libmem.a $(CHECK_LIBS)
tests_unit_test_account_SOURCES = tests/unit/test_account.c
tests_unit_test_account_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_account_LDADD = libmem.a $(CHECK_LIBS)
tests_unit_test_alloc_SOURCES = tests/unit/test_alloc.c
tests_unit_test_alloc_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_alloc_LDADD = libmem.a $(CHECK_LIBS)
tests_unit_test_pool_SOURCES = tests/unit/test_pool.c
tests_unit_test_pool_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_pool_LDADD = libmem.a $(CHECK_LIBS)
tests_unit_test_arena_SOURCES = tests/unit/test_arena.c
tests_unit_test_arena_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_arena_LDADD = libmem.a $(CHECK_LIBS)
tests_unit_test_iobuf_SOURCES = tests/unit/test_iobuf.c
tests_unit_test_iobuf_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_iobuf_LDADD = libmem.a $(CHECK_LIBS)

check_PROGRAMS += tests/unit/test_growth
TESTS += tests/unit/test_growth
tests_unit_test_growth_SOURCES = tests/unit/test_growth.c
tests_unit_test_growth_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_growth_LDADD = libmem.a $(CHECK_LIBS)
