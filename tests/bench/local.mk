# Benchmarks: see README.md.  `make bench BENCH_FLAGS=...` runs them.
bench_programs = tests/bench/wire_load tests/bench/wire_walk
tests_bench_wire_walk_SOURCES = tests/bench/wire_walk.c \
	tests/bench/wire_client.h tests/bench/wire_client.c
tests_bench_wire_walk_LDADD = librpc.a libmem.a $(TIRPC_LIBS) $(URCU_LIBS)
tests_bench_wire_load_SOURCES = tests/bench/wire_load.c \
	tests/bench/wire_engine.h tests/bench/wire_engine.c \
	tests/bench/wire_scene.h tests/bench/wire_scene.c \
	tests/bench/wire_client.h tests/bench/wire_client.c \
	tests/bench/measure.h tests/bench/measure.c \
	tests/bench/histogram.h tests/bench/histogram.c \
	tests/bench/select.h tests/bench/step.h tests/bench/step.c
tests_bench_wire_load_LDADD = librpc.a libmem.a $(TIRPC_LIBS) $(URCU_LIBS)

if HAVE_GFAPI
# Of libmem.a only must() is used: libgfapi's libraries have functions named as
# others in it, and would call ours.
bench_programs += tests/bench/gfapi_load
tests_bench_gfapi_load_SOURCES = tests/bench/gfapi_load.c \
	tests/bench/gfapi_ops.h tests/bench/gfapi_ops.c \
	tests/bench/measure.h tests/bench/measure.c \
	tests/bench/select.h tests/bench/step.h tests/bench/step.c
tests_bench_gfapi_load_CFLAGS = $(AM_CFLAGS) $(GFAPI_CFLAGS)
tests_bench_gfapi_load_LDADD = libmem.a $(GFAPI_LIBS)
endif

check_PROGRAMS += $(bench_programs)
EXTRA_DIST += tests/bench/brick tests/bench/dump tests/bench/servers.py \
	tests/bench/report.py tests/bench/README.md

check_PROGRAMS += tests/unit/test_bench_histogram
TESTS += tests/unit/test_bench_histogram
tests_unit_test_bench_histogram_SOURCES = tests/unit/test_bench_histogram.c \
	tests/bench/histogram.h tests/bench/histogram.c
tests_unit_test_bench_histogram_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_bench_histogram_LDADD = $(CHECK_LIBS)

bench: $(bench_programs) clinkerd$(EXEEXT)
	$(srcdir)/tests/bench/brick --build-dir . $(BENCH_FLAGS)
.PHONY: bench

# tests/bench/mem: each program over libmem.a and over malloc().  Of libmem.a
# the latter use must() only.
mem_bench_programs = \
	tests/bench/mem_micro_ours tests/bench/mem_micro_malloc \
	tests/bench/mem_replay_ours tests/bench/mem_replay_malloc
mem_micro_sources = tests/bench/mem_micro.c \
	tests/bench/mem_patterns.h tests/bench/mem_patterns.c \
	tests/bench/mem_share.c \
	tests/bench/mem_contender.h tests/bench/mem_contender.c \
	tests/bench/mem_lanes.h tests/bench/mem_lanes.c \
	tests/bench/select.h tests/bench/step.h tests/bench/step.c
mem_replay_sources = tests/bench/mem_replay.c \
	tests/bench/mem_trace.h tests/bench/mem_trace.c \
	tests/bench/mem_lanes.h tests/bench/mem_lanes.c
tests_bench_mem_micro_ours_SOURCES = $(mem_micro_sources)
tests_bench_mem_micro_ours_CPPFLAGS = $(AM_CPPFLAGS) -DCONTENDER_OURS
tests_bench_mem_micro_ours_LDADD = libmem.a
tests_bench_mem_micro_malloc_SOURCES = $(mem_micro_sources)
tests_bench_mem_micro_malloc_LDADD = libmem.a
tests_bench_mem_replay_ours_SOURCES = $(mem_replay_sources)
tests_bench_mem_replay_ours_CPPFLAGS = $(AM_CPPFLAGS) -DCONTENDER_OURS
tests_bench_mem_replay_ours_LDADD = libmem.a $(ZLIB_LIBS)
tests_bench_mem_replay_malloc_SOURCES = $(mem_replay_sources)
tests_bench_mem_replay_malloc_LDADD = libmem.a $(ZLIB_LIBS)
check_PROGRAMS += $(mem_bench_programs)
EXTRA_DIST += tests/bench/mem tests/bench/mem_run.py \
	tests/bench/mem_report.py tests/bench/mem_brick.py \
	tests/bench/mem_trace_pack.py tests/bench/mem_trace.gz
TESTS += tests/bench/mem_check.sh
dist_check_SCRIPTS += tests/bench/mem_check.sh

bench-mem: $(mem_bench_programs) $(bench_programs) clinkerd$(EXEEXT)
	bash -c '. $(top_srcdir)/extras/packages.sh && \
		install_packages "$$CLINKER_BENCH_PACKAGES"'
	$(top_srcdir)/tests/bench/mem --build-dir . --record $(BENCH_FLAGS)
.PHONY: bench-mem
