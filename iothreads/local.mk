noinst_LIBRARIES += libiothreads.a
libiothreads_a_SOURCES = \
	iothreads/work.h \
	iothreads/queue.h iothreads/queue.c \
	iothreads/scale.h iothreads/scale.c \
	iothreads/thread.h iothreads/thread.c \
	iothreads/watchdog.h iothreads/watchdog.c \
	iothreads/pool.h iothreads/pool_priv.h iothreads/pool.c \
	iothreads/worker.c iothreads/watchdog_thread.c

iothreads_tests = \
	tests/unit/test_iot_queue \
	tests/unit/test_iot_scale \
	tests/unit/test_iot_watchdog \
	tests/unit/test_iot_pool \
	tests/unit/test_iot_pool_threads
check_PROGRAMS += $(iothreads_tests)
TESTS += $(iothreads_tests)

iothreads_test_cflags = $(AM_CFLAGS) $(CHECK_CFLAGS)
iothreads_test_libs = libiothreads.a libmem.a $(CHECK_LIBS)

tests_unit_test_iot_queue_SOURCES = tests/unit/test_iot_queue.c
tests_unit_test_iot_queue_CFLAGS = $(iothreads_test_cflags)
tests_unit_test_iot_queue_LDADD = $(iothreads_test_libs)

tests_unit_test_iot_scale_SOURCES = tests/unit/test_iot_scale.c
tests_unit_test_iot_scale_CFLAGS = $(iothreads_test_cflags)
tests_unit_test_iot_scale_LDADD = $(iothreads_test_libs)

tests_unit_test_iot_watchdog_SOURCES = tests/unit/test_iot_watchdog.c
tests_unit_test_iot_watchdog_CFLAGS = $(iothreads_test_cflags)
tests_unit_test_iot_watchdog_LDADD = $(iothreads_test_libs)

tests_unit_test_iot_pool_SOURCES = tests/unit/test_iot_pool.c \
	tests/unit/iot_scene.h tests/unit/iot_scene.c
tests_unit_test_iot_pool_CFLAGS = $(iothreads_test_cflags)
tests_unit_test_iot_pool_LDADD = $(iothreads_test_libs)

tests_unit_test_iot_pool_threads_SOURCES = \
	tests/unit/test_iot_pool_threads.c \
	tests/unit/iot_scene.h tests/unit/iot_scene.c
tests_unit_test_iot_pool_threads_CFLAGS = $(iothreads_test_cflags)
tests_unit_test_iot_pool_threads_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=iot_thread_start
tests_unit_test_iot_pool_threads_LDADD = $(iothreads_test_libs)
