noinst_LIBRARIES += libmem.a
libmem_a_SOURCES = \
	mem/must.h mem/must.c \
	mem/mutex.h mem/mutex.c \
	mem/scope.h \
	mem/clock.h \
	mem/ranks.h \
	mem/poison.h mem/poison.c \
	mem/os_pages.h mem/os_pages.c \
	mem/page_bits.h mem/buddy.h mem/buddy.c \
	mem/page_large.h mem/page_large.c mem/page_zone.h \
	mem/page_run.h mem/page_run.c mem/page_purge.c \
	mem/pages.h mem/pages.c \
	mem/limit.h mem/limit_admit.h mem/limit_state.h mem/limit.c \
	mem/watermark.h mem/watermark.c mem/resident.h mem/resident.c \
	mem/reclaim.h mem/reclaim_direct.h mem/reclaim_pass.h mem/reclaim.c \
	mem/reclaimer.c mem/shrinker.h mem/shrinker.c mem/thread_flush.h \
	mem/cgroup.h mem/cgroup.c \
	mem/account.h mem/account_slot.h mem/account.c \
	mem/growth.h mem/growth.c \
	mem/text.h mem/random.h mem/random.c \
	mem/stack.h mem/stack.c mem/symbol.h mem/symbol.c \
	mem/guard.h mem/guard_hook.h mem/guard_object.h \
	mem/guard.c mem/guard_report.c \
	mem/trace.h mem/trace_hook.h mem/trace.c \
	mem/trace_sample.h mem/trace_sample.c \
	mem/trace_sites.h mem/trace_sites.c \
	mem/trace_live.h mem/trace_live.c \
	mem/thread.h mem/thread.c \
	mem/slab.h mem/slab.c \
	mem/heap.h mem/heap.c \
	mem/quarantine.h mem/quarantine.c \
	mem/special.h mem/special.c \
	mem/alloc.h mem/alloc.c mem/debug.h mem/debug.c \
	mem/pool.h mem/pool_one.h mem/pool.c \
	mem/arena.h mem/arena.c mem/spare.h mem/spare.c \
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

check_PROGRAMS += tests/unit/test_guard
TESTS += tests/unit/test_guard
tests_unit_test_guard_SOURCES = tests/unit/test_guard.c
tests_unit_test_guard_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_guard_LDADD = libmem.a $(CHECK_LIBS)

# The limit is the test's own.
check_PROGRAMS += tests/unit/test_page_run
TESTS += tests/unit/test_page_run
tests_unit_test_page_run_SOURCES = tests/unit/test_page_run.c
tests_unit_test_page_run_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_page_run_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=limit_admit -Wl,--wrap=limit_return
tests_unit_test_page_run_LDADD = libmem.a $(CHECK_LIBS)

check_PROGRAMS += \
	tests/unit/test_limit tests/unit/test_reclaim tests/unit/test_cgroup
TESTS += tests/unit/test_limit tests/unit/test_reclaim tests/unit/test_cgroup
tests_unit_test_limit_SOURCES = tests/unit/test_limit.c
tests_unit_test_limit_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_limit_LDADD = libmem.a $(CHECK_LIBS)
tests_unit_test_reclaim_SOURCES = tests/unit/test_reclaim.c
tests_unit_test_reclaim_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_reclaim_LDADD = libmem.a $(CHECK_LIBS)
tests_unit_test_cgroup_SOURCES = tests/unit/test_cgroup.c
tests_unit_test_cgroup_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_cgroup_LDADD = libmem.a $(CHECK_LIBS)

check_PROGRAMS += tests/unit/test_buddy
TESTS += tests/unit/test_buddy
tests_unit_test_buddy_SOURCES = tests/unit/test_buddy.c
tests_unit_test_buddy_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_buddy_LDADD = libmem.a $(CHECK_LIBS)

check_PROGRAMS += tests/unit/test_debug
TESTS += tests/unit/test_debug
tests_unit_test_debug_SOURCES = tests/unit/test_debug.c
tests_unit_test_debug_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_debug_LDADD = libmem.a $(CHECK_LIBS)

check_PROGRAMS += tests/unit/test_mem_stress
TESTS += tests/unit/test_mem_stress
tests_unit_test_mem_stress_SOURCES = tests/unit/test_mem_stress.c
tests_unit_test_mem_stress_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_mem_stress_LDADD = libmem.a $(CHECK_LIBS)

check_PROGRAMS += tests/unit/test_trace
TESTS += tests/unit/test_trace
tests_unit_test_trace_SOURCES = tests/unit/test_trace.c
tests_unit_test_trace_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_trace_LDADD = libmem.a $(CHECK_LIBS)

check_PROGRAMS += tests/unit/valgrind_plants
TESTS += tests/unit/test_valgrind.sh
dist_check_SCRIPTS += tests/unit/test_valgrind.sh
tests_unit_valgrind_plants_SOURCES = tests/unit/valgrind_plants.c
tests_unit_valgrind_plants_CFLAGS = $(AM_CFLAGS)
tests_unit_valgrind_plants_LDADD = libmem.a
