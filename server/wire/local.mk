libserver_a_SOURCES += \
	server/wire/fop_list.h \
	server/wire/fop.h server/wire/fop.c \
	server/wire/types.h server/wire/types.c \
	server/wire/args.h server/wire/args.c \
	server/wire/reply.h server/wire/reply.c

check_PROGRAMS += tests/unit/test_fop_args
TESTS += tests/unit/test_fop_args
tests_unit_test_fop_args_SOURCES = tests/unit/test_fop_args.c
tests_unit_test_fop_args_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_fop_args_LDADD = libserver.a librpc.a libmem.a \
	$(CHECK_LIBS) $(TIRPC_LIBS) $(URCU_LIBS) $(XXHASH_LIBS) $(SYSTEMD_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_fop_args
tests_fuzz_fuzz_fop_args_SOURCES = tests/fuzz/fuzz_fop_args.c \
	tests/fuzz/target.h tests/fuzz/main.c
tests_fuzz_fuzz_fop_args_LDADD = libserver.a librpc.a libmem.a \
	$(TIRPC_LIBS) $(URCU_LIBS) $(XXHASH_LIBS) $(SYSTEMD_LIBS)
