# Benchmarks: see README.md.  `make bench BENCH_FLAGS=...` runs them.
bench_programs = tests/bench/wire_load
tests_bench_wire_load_SOURCES = tests/bench/wire_load.c \
	tests/bench/wire_engine.h tests/bench/wire_engine.c \
	tests/bench/wire_scene.h tests/bench/wire_scene.c \
	tests/bench/wire_client.h tests/bench/wire_client.c \
	tests/bench/measure.h tests/bench/measure.c \
	tests/bench/histogram.h tests/bench/histogram.c \
	tests/bench/step.h tests/bench/step.c
tests_bench_wire_load_LDADD = librpc.a libmem.a $(TIRPC_LIBS) $(URCU_LIBS)

if HAVE_GFAPI
# Of libmem.a only must() is used: libgfapi's libraries have functions named as
# others in it, and would call ours.
bench_programs += tests/bench/gfapi_load
tests_bench_gfapi_load_SOURCES = tests/bench/gfapi_load.c \
	tests/bench/measure.h tests/bench/measure.c \
	tests/bench/step.h tests/bench/step.c
tests_bench_gfapi_load_CFLAGS = $(AM_CFLAGS) $(GFAPI_CFLAGS)
tests_bench_gfapi_load_LDADD = libmem.a $(GFAPI_LIBS)
endif

check_PROGRAMS += $(bench_programs)
EXTRA_DIST += tests/bench/brick tests/bench/servers.py tests/bench/report.py \
	tests/bench/README.md

check_PROGRAMS += tests/unit/test_bench_histogram
TESTS += tests/unit/test_bench_histogram
tests_unit_test_bench_histogram_SOURCES = tests/unit/test_bench_histogram.c \
	tests/bench/histogram.h tests/bench/histogram.c
tests_unit_test_bench_histogram_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_bench_histogram_LDADD = $(CHECK_LIBS)

bench: $(bench_programs) clinkerd$(EXEEXT)
	$(srcdir)/tests/bench/brick --build-dir . $(BENCH_FLAGS)
.PHONY: bench
